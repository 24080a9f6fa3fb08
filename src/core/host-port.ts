/** Whether a host name or address is this machine's loopback; other names are not looked up. */
export function isLoopback(host: string): boolean {
  const name = bareHost(host)
  return (
    name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name)
  )
}

/** Host and port as they stand in a URL. */
export function hostPort(host: string, port: number): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Takes `HOST:PORT`, `[::1]:PORT` or a port alone apart; undefined for what is none of these. */
export function splitHostPort(
  text: string,
): { readonly host: string | undefined; readonly port: number } | undefined {
  const [, bracketed, plain, digits] = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):)?(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  return port <= 65_535 ? { host: bracketed ?? (plain || undefined), port } : undefined
}

/** A host as names are compared: in small letters, without brackets and the dot of a whole name. */
export function bareHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
}

/** The addresses that a text names, `mqtt://A:1883,mqtt://B:1883`, in their order. */
export function addressesIn(text: string): string[] {
  return text.split(',').map((one) => one.trim())
}
