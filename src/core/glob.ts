/** The most texts that braces expand to, and the most steps this may take. */
const MAX_TEXTS = 1000
const MAX_STEPS = 500_000

/**
 * Expands `{a,b}`, also nested: `x.{a,b{1,2}}` is `x.a`, `x.b1`, `x.b2`. An unmatched brace stays as it is,
 * and so does a text that would take too long.
 */
export function braces(text: string): string[] {
  if (!text.includes('{')) return [text]
  const paired = partners(text)
  const outer: { alternatives: string[]; current: string[] }[] = []
  let frame = { alternatives: [] as string[], current: [''] }
  let steps = 0
  let done = 0
  const append = (tails: readonly string[]) => {
    const heads = frame.current.slice(0, Math.ceil(MAX_TEXTS / tails.length))
    steps += heads.length * tails.length
    frame.current = heads.flatMap((head) => tails.map((tail) => head + tail))
  }
  for (const { 0: mark, index } of text.matchAll(/[{},]/g)) {
    if (!(mark === ',' ? outer.length > 0 : paired.has(index))) continue
    if (steps > MAX_STEPS) return [text]
    if (index > done) append([text.slice(done, index)])
    done = index + 1
    if (mark === ',') {
      frame.alternatives.push(...frame.current)
      frame.current = ['']
    } else if (mark === '{') {
      outer.push(frame)
      frame = { alternatives: [], current: [''] }
    } else {
      const tails = [...frame.alternatives, ...frame.current].slice(0, MAX_TEXTS)
      frame = outer.pop() ?? frame
      append(tails)
    }
  }
  append([text.slice(done)])
  return [...new Set(frame.current)].slice(0, MAX_TEXTS)
}

/** Positions of the braces that have a partner. */
function partners(text: string): Set<number> {
  const open: number[] = []
  const paired = new Set<number>()
  for (const { 0: brace, index } of text.matchAll(/[{}]/g)) {
    if (brace === '{') open.push(index)
    else {
      const partner = open.pop()
      if (partner !== undefined) paired.add(partner).add(index)
    }
  }
  return paired
}

/** Whether a pattern contains anything but plain characters. */
export function isWild(pattern: string): boolean {
  return /[*?[]/.test(pattern)
}

type Piece = '*' | ((character: string) => boolean)

/**
 * A test for a pattern of `*`, `?`, `[abc]`, `[a-z]` and `[!abc]`. Takes time proportional to pattern × text
 * at most, for any pattern.
 */
export function glob(pattern: string): (text: string) => boolean {
  const pieces = [...pattern.matchAll(/\[!?\]?[^\]]*\]|[\s\S]/gu)].map(([part]) => piece(part))
  return (text) => {
    let [at, from, star, again] = [0, 0, -1, 0]
    while (from < text.length) {
      const here = pieces[at]
      if (here === '*') {
        star = at++
        again = from
      } else if (here?.(text[from] ?? '')) {
        at++
        from++
      } else if (star >= 0) {
        at = star + 1
        from = ++again
      } else return false
    }
    while (pieces[at] === '*') at++
    return at === pieces.length
  }
}

function piece(part: string): Piece {
  if (part === '*') return '*'
  if (part === '?') return () => true
  if (part.length < 3 || !part.startsWith('[')) return (character) => character === part
  const none = part.startsWith('[!')
  const ranges = [...part.slice(none ? 2 : 1, -1).matchAll(/([\s\S])-([\s\S])|[\s\S]/g)]
  return (character) =>
    none !== ranges.some(([one, low = one, high = one]) => low <= character && character <= high)
}
