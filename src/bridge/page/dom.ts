type Child = Node | string | null | undefined | false
type Listener = (event: Event) => void
/** Attributes by name; a function is a listener; `false`, `null` and `undefined` omit the attribute. */
type Attributes = Readonly<Record<string, string | number | boolean | null | undefined | Listener>>

/** Makes an element. Text stays text: nothing that comes from a lab is parsed as HTML. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value)
    else if (value === true) element.setAttribute(name, '')
    else if (value !== false && value !== null && value !== undefined)
      element.setAttribute(name, String(value))
  }
  element.append(...children.filter((child): child is Node | string => Boolean(child)))
  return element
}

/** An element of the page itself. @throws Error if there is none: the page is broken */
export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const found = document.getElementById(id)
  if (!found) throw new Error(`the page has no #${id}`)
  return found as E
}

/** Sets the text of an element, if it differs. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

/** Sets the children of an element to a list, without moving those already in place. */
export function arrange(parent: Element, wanted: readonly Element[]): void {
  for (const [at, child] of wanted.entries()) {
    if (parent.children[at] !== child) parent.insertBefore(child, parent.children[at] ?? null)
  }
  while (parent.children.length > wanted.length) parent.lastElementChild?.remove()
}

let clearing = 0
/** Shows a message for some seconds, also for screen readers. */
export function toast(text: string, bad = false): void {
  const element = byId('toast')
  element.className = bad ? 'toast bad' : 'toast'
  element.textContent = text
  clearTimeout(clearing)
  clearing = setTimeout(() => (element.textContent = ''), 8000)
}

/** A long name in parts, with possible line breaks: after `_`, and before a word of `camelCase`. */
export function breakable(name: string): (string | Node)[] {
  const [first = '', ...rest] = name.split(/(?<=_)(?=.)|(?<=[a-z])(?=[A-Z])/)
  return [first, ...rest.flatMap((part) => [h('wbr'), part])]
}
