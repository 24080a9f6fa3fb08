/** The anchor of a heading, as GitHub makes it: links hold there and on the site. */
export function anchor(heading: string): string {
  const plain = heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, '')
  return plain.trim().replaceAll(' ', '-')
}
