/**
 * Regular expressions that take time in proportion to pattern × text, whatever the pattern: all ways to match are
 * followed at once, none is gone back to. A dashboard's expression cannot stop the bridge, as it could with the engine of
 * the language. Understood: literals, `.`, `[…]`, `\d \w \s \D \W \S`, `^`, `$`, `\b`, `( )`, `(?: )`, `|`, `* + ? {m,n}` and
 * their lazy forms; leftmost match, first alternative before the next, as in Perl and Python.
 */

/** Steps a compiled expression may have, and characters it may be written with. */
const MAX_STEPS = 500
const MAX_SOURCE = 500
const TOO_LONG = 'too long once its repetitions are written out'

/** Where a match and its groups begin and end: pairs, -1 for a group that took no part. */
export type Match = readonly number[]

type Test = (character: string) => boolean
type Step =
  | { readonly kind: 'take'; readonly test: Test }
  | { readonly kind: 'save'; readonly slot: number }
  | { readonly kind: 'assert'; readonly holds: (text: string, at: number) => boolean }
  | { readonly kind: 'split'; first: number; second: number }
  | { readonly kind: 'jump'; to: number }
  | { readonly kind: 'match' }

/**
 * Compiles an expression.
 * @returns what finds its first match at or after a place
 * @throws SyntaxError for what it does not understand, or is too long
 */
export function linearRegex(source: string): (text: string, from?: number) => Match | undefined {
  if (source.length > MAX_SOURCE) throw new SyntaxError(`longer than ${MAX_SOURCE} characters`)
  const steps: Step[] = []
  const slots = compile(source, steps)
  return (text, from = 0) => run(steps, slots, text, from)
}

type Emit = () => void

/** Writes the steps of an expression; returns how many slots its groups take. */
function compile(source: string, steps: Step[]): number {
  let at = 0
  let groups = 0
  let copies = 0
  const push = <S extends Step>(step: S): S => {
    if (steps.length >= MAX_STEPS) throw new SyntaxError(TOO_LONG)
    steps.push(step)
    return step
  }

  const alternatives = (level: number): Emit => {
    if (level > 30) throw new SyntaxError('groups are nested too deep')
    const branches = [sequence(level)]
    while (source[at] === '|') {
      at++
      branches.push(sequence(level))
    }
    return branches.reduceRight((rest, branch) => () => {
      const split = push({ kind: 'split', first: steps.length + 1, second: 0 })
      branch()
      const jump = push({ kind: 'jump', to: 0 })
      split.second = steps.length
      rest()
      jump.to = steps.length
    })
  }
  const sequence = (level: number): Emit => {
    const items: Emit[] = []
    while (at < source.length && source[at] !== '|' && source[at] !== ')') items.push(repeated(atom(level)))
    return () => {
      for (const item of items) item()
    }
  }
  const repeated = (item: Emit): Emit => {
    const found = /^(?:([*+?])|\{(\d{1,3})(,(\d{0,3}))?\})(\?)?/.exec(source.slice(at, at + 12))
    if (!found) return item
    at += found[0].length
    if (/^([*+?]|\{\d+(,\d*)?\})/.test(source.slice(at, at + 12))) {
      throw new SyntaxError(`nothing to repeat before "${source[at]}"`)
    }
    const [, sign, low, open, high, lazy] = found
    const least = sign === undefined ? Number(low) : sign === '+' ? 1 : 0
    const most = sign === undefined ? (open ? Number(high || Infinity) : least) : sign === '?' ? 1 : Infinity
    return () => {
      for (let i = 0; i < least; i++) {
        if (++copies > MAX_STEPS) throw new SyntaxError(TOO_LONG)
        item()
      }
      if (most === Infinity) loop(item, lazy !== undefined)
      else optional(item, most - least, lazy !== undefined)
    }
  }
  const fork = (lazy: boolean): ((to: number) => void) => {
    const here = steps.length + 1
    const split = push({ kind: 'split', first: here, second: here })
    return (to) => {
      if (lazy) split.first = to
      else split.second = to
    }
  }
  const loop = (item: Emit, lazy: boolean) => {
    const start = steps.length
    const leave = fork(lazy)
    item()
    push({ kind: 'jump', to: start })
    leave(steps.length)
  }
  const optional = (item: Emit, times: number, lazy: boolean) => {
    const leaves = Array.from({ length: Math.max(0, times) }, () => {
      const leave = fork(lazy)
      item()
      return leave
    })
    for (const leave of leaves) leave(steps.length)
  }
  const atom = (level: number): Emit => {
    const character = source[at++] ?? ''
    if (character === '(') return group(level)
    if (character === '^') return () => push({ kind: 'assert', holds: (_, place) => place === 0 })
    if (character === '$')
      return () => push({ kind: 'assert', holds: (text, place) => place === text.length })
    if (/[*+?]/.test(character)) throw new SyntaxError(`nothing to repeat before "${character}"`)
    if (character === '\\' && source[at] === 'b') {
      at++
      return () => push({ kind: 'assert', holds: (text, i) => isWord(text[i - 1]) !== isWord(text[i]) })
    }
    const test =
      character === '[' ? set() : character === '\\' ? escaped() : character === '.' ? any : is(character)
    return () => push({ kind: 'take', test })
  }
  const group = (level: number): Emit => {
    const silent = source.startsWith('?:', at)
    if (!silent && source[at] === '?') throw new SyntaxError('"(?" is understood as "(?:" only')
    if (silent) at += 2
    const slot = silent ? 0 : 2 * ++groups
    const inner = alternatives(level + 1)
    if (source[at++] !== ')') throw new SyntaxError('a "(" has no ")"')
    if (silent) return inner
    return () => {
      push({ kind: 'save', slot })
      inner()
      push({ kind: 'save', slot: slot + 1 })
    }
  }
  const escaped = (): Test => {
    const character = source[at++]
    if (character === undefined) throw new SyntaxError('it ends in a backslash')
    const known = CLASSES[character]
    if (known) return known
    if (/[A-Za-z0-9]/.test(character)) throw new SyntaxError(`"\\${character}" is not understood`)
    return is(character)
  }
  const set = (): Test => {
    const none = source[at] === '^'
    if (none) at++
    const tests: Test[] = []
    for (let first = true; first || source[at] !== ']'; first = false) {
      if (at >= source.length) throw new SyntaxError('a "[" has no "]"')
      const low = source[at++] ?? ''
      const ranged = low !== '\\' && source[at] === '-' && source[at + 1] !== ']' && at + 1 < source.length
      if (ranged) {
        const high = source[at + 1] ?? ''
        at += 2
        tests.push((character) => low <= character && character <= high)
      } else tests.push(low === '\\' ? escaped() : is(low))
    }
    at++
    return (character) => none !== tests.some((test) => test(character))
  }

  const whole = alternatives(0)
  if (at < source.length) throw new SyntaxError('a ")" has no "("')
  push({ kind: 'save', slot: 0 })
  whole()
  push({ kind: 'save', slot: 1 })
  push({ kind: 'match' })
  return 2 * (groups + 1)
}

const any: Test = () => true
const is =
  (wanted: string): Test =>
  (character) =>
    character === wanted
const isWord = (character: string | undefined) => character !== undefined && /\w/.test(character)
const CLASSES: Readonly<Record<string, Test>> = {
  __proto__: null as never,
  d: (character) => /\d/.test(character),
  D: (character) => /\D/.test(character),
  w: (character) => /\w/.test(character),
  W: (character) => /\W/.test(character),
  s: (character) => /\s/.test(character),
  S: (character) => /\S/.test(character),
}

interface Thread {
  readonly at: number
  readonly saved: Match
}

/** Follows all ways at once, those to be preferred first; a step that was reached before is not reached again. */
function run(steps: readonly Step[], slots: number, text: string, from: number): Match | undefined {
  let threads: Thread[] = []
  let best: Match | undefined
  const seen = new Int32Array(steps.length).fill(-1)
  const add = (list: Thread[], start: Thread, place: number) => {
    const open = [start]
    for (let next = open.pop(); next; next = open.pop()) {
      const { at, saved } = next
      if (seen[at] === place) continue
      seen[at] = place
      const step = steps[at]
      if (step?.kind === 'jump') open.push({ at: step.to, saved })
      else if (step?.kind === 'split') open.push({ at: step.second, saved }, { at: step.first, saved })
      else if (step?.kind === 'save') open.push({ at: at + 1, saved: saved.with(step.slot, place) })
      else if (step?.kind !== 'assert') list.push(next)
      else if (step.holds(text, place)) open.push({ at: at + 1, saved })
    }
  }
  const blank = new Array<number>(slots).fill(-1)
  for (let place = from; place <= text.length; place++) {
    // Those that go on are better than one that begins here: they began further left.
    const now: Thread[] = []
    for (const thread of threads) add(now, thread, place)
    if (!best) add(now, { at: 0, saved: blank }, place)
    threads = []
    for (const { at, saved } of now) {
      const step = steps[at]
      if (step?.kind === 'match') {
        best = saved
        break
      }
      if (step?.kind === 'take' && place < text.length && step.test(text[place] ?? ''))
        threads.push({ at: at + 1, saved })
    }
    if (threads.length === 0 && best) return best
  }
  return best
}
