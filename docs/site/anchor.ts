/** The anchor of a heading, as GitHub makes it: links hold there and on the site. */
export function anchor(heading: string): string {
  const plain = heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '')
  return plain.trim().replaceAll(' ', '-')
}

/** The headings of a page and the anchor of each: of two of one name, the second has a number. */
export function anchors(page: string): { readonly text: string; readonly anchor: string }[] {
  const counts = new Map<string, number>()
  const prose = page.replaceAll(/^ *(`{3,}).*?^ *\1 *$/gms, '')
  return [...prose.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => {
    const text = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll(/[`*]/g, '')
    const name = anchor(text)
    const count = counts.get(name) ?? 0
    counts.set(name, count + 1)
    return { text, anchor: count === 0 ? name : `${name}-${count}` }
  })
}
