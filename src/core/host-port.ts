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

/** A host as names are compared: in small letters, without brackets and the dot of a whole name. */
export function bareHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
}
