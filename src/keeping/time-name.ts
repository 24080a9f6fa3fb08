/** Now, as it stands in the name of a file: `20261130T190200Z`. */
export function timeName(): string {
  return new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')
}
