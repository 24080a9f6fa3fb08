/** Whether a host name or address is this machine's loopback; other names are not looked up. */
export function isLoopback(host: string): boolean {
  const name = bareHost(host)
  return (
    name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name)
  )
}

/** Host and port as in a URL. */
export function hostPort(host: string, port: number): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Splits `HOST:PORT`, `[::1]:PORT` or a port alone; undefined for anything else. */
export function splitHostPort(
  text: string,
): { readonly host: string | undefined; readonly port: number } | undefined {
  const [, bracketed, plain, digits] = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):)?(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  return port <= 65_535 ? { host: bracketed ?? (plain || undefined), port } : undefined
}

/** A host name for comparison: lower case, without brackets and without a trailing dot. */
export function bareHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
}

/** The addresses in a text, `mqtt://A:1883,mqtt://B:1883`, in order. */
export function addressesIn(text: string): string[] {
  return text.split(',').map((one) => one.trim())
}
