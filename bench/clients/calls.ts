/**
 * Asks an agent's operation for its status, with the product's own client: `calls.ts URL INSTANCE OP`. Prints
 * `ready`; then, for each input line `{"calls": N, "inFlight": K}`, one line of JSON: `{"took": ms, "lags":
 * [ms, …], "good": N}`.
 */
import { serveOrders } from '../orders.ts'
import { connectCaller } from '../product.ts'

const [url = '', instance = '', op = ''] = process.argv.slice(2)
const { ask } = await connectCaller(url, `caller-${process.pid}`, process.env)

await serveOrders(async ({ calls, inFlight }: { calls: number; inFlight: number }) => {
  const lags: number[] = []
  let [left, good] = [calls, 0]
  const begun = performance.now()
  const one = async () => {
    while (left-- > 0) {
      const asked = performance.now()
      const { status, session } = await ask.request(instance, op, 'status')
      lags.push(performance.now() - asked)
      if (status === 0 && session.op_name === op) good++
    }
  }
  await Promise.all(Array.from({ length: inFlight }, one))
  return { took: performance.now() - begun, lags, good }
})
