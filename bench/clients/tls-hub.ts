/**
 * Serves the product's hub over TLS on loopback until it is ended: `tls-hub.ts PORT STATE`. Prints `ready`.
 */
import { serveTlsHub } from '../product.ts'

const [port = '', state = ''] = process.argv.slice(2)
await serveTlsHub(Number(port), state)
process.stdout.write('ready\n')
