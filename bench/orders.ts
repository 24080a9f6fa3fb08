/**
 * Orders to a program that stays: a line of JSON to its input, a line of JSON back. Its first line is
 * `"ready"`.
 */
import { createInterface } from 'node:readline'
import type { Running } from '../test/real/roles.ts'

/** Gives an order, and waits for the result. @throws Error if nothing comes within `patience` s */
export async function order<T>(to: Running, what: unknown, patience = 120): Promise<T> {
  const { mark } = to
  to.write(`${JSON.stringify(what)}\n`)
  const { text } = await to.says(/^\{/, patience, mark)
  return JSON.parse(text) as T
}

/** The other end: carries out orders until the input ends, then ends the process. */
export async function serveOrders<T>(act: (order: T) => Promise<unknown>): Promise<never> {
  const print = (value: unknown) => void process.stdout.write(`${JSON.stringify(value)}\n`)
  print('ready')
  for await (const line of createInterface({ input: process.stdin })) print(await act(JSON.parse(line) as T))
  process.exit(0)
}
