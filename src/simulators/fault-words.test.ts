import { expect, test } from 'bun:test'
import { UNHURRIED_MS } from '../../test/turns-clock.ts'
import { decimal, integer } from '../instrument/codec.ts'
import { nth } from '../instrument/parts.ts'
import { openLine } from '../instrument/transport/open.ts'
import { obey, parseFault } from './fault-words.ts'
import { startLakeshore372 } from './lakeshore372.ts'
import { startTable } from './table-server.ts'

test('faults are read as they are written', () => {
  expect(parseFault('garbage')).toEqual([{ kind: 'garbage' }, {}])
  expect(parseFault(' delay ms=250 times=3 chance=0.5 ')).toEqual([
    { kind: 'delay', ms: 250 },
    { times: 3, chance: 0.5 },
  ])
  expect(parseFault('disconnect')).toEqual([{ kind: 'disconnect', ms: 1000 }, {}])
  expect(parseFault('overload channel=A')).toEqual([{ kind: 'overload', channel: 'A' }, {}])
  expect(parseFault('serial-number serialNumber=X1')).toEqual([
    { kind: 'serial-number', serialNumber: 'X1' },
    {},
  ])
})

test('what is no fault is refused, with what was meant', () => {
  expect(() => parseFault('garbge')).toThrow('there is no fault "garbge": did you mean "garbage"?')
  expect(() => parseFault('')).toThrow('there are delay, missing, ')
  expect(() => parseFault('delay 250')).toThrow('"250" is not NAME=VALUE')
  expect(() => parseFault('delay time=3')).toThrow('there is no parameter "time": did you mean "times"?')
  expect(() => parseFault('delay ms=soon')).toThrow('"ms": a number, given "soon"')
  expect(() => parseFault('overload')).toThrow('"channel" is required')
})

test('a running simulator obeys: a fault strikes, is cleared, the cable is pulled and put back, power fails', async () => {
  const simulator = await startLakeshore372({ serialNumber: 'LSA22YG', tcp: '127.0.0.1:0' })
  const [, host = '', port = ''] = /tcp:\/\/(.*):(\d+)/.exec(simulator.url) ?? []
  const ask = async (command: string): Promise<string> => {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const socket = await Bun.connect({
      hostname: host,
      port: Number(port),
      socket: {
        open: (opened) => void opened.write(`${command}\n`),
        data: (_, bytes) => resolve(bytes.toString('latin1')),
        close: () => reject(new Error('closed')),
      },
    })
    return promise.finally(() => socket.end())
  }
  try {
    expect(await ask('*ESR?')).toBe('128\r\n')
    expect(await obey(simulator, 'serial-number serialNumber=OTHER')).toBe(
      'fault: serial-number serialNumber=OTHER',
    )
    expect(await ask('*IDN?')).toContain('OTHER')
    expect(await obey(simulator, 'clear serial-number')).toBe('serial-number is over')
    expect(await ask('*IDN?')).toContain('LSA22YG')
    expect(await obey(simulator, 'unplug')).toBe('unplugged')
    await expect(ask('*IDN?')).rejects.toThrow()
    expect(await obey(simulator, 'plug')).toBe(`plugged in at ${simulator.url}`)
    expect(await ask('INNAME 1,"kept";*ESR?')).toBe('0\r\n')
    await obey(simulator, 'reboot ms=0')
    await expect(ask('*IDN?')).rejects.toThrow('closed')
    const again = (): Promise<string> => ask('*ESR?;INNAME? 1').catch(again)
    expect(await again()).toMatch(/^128;kept +\r\n$/)
    await expect(obey(simulator, 'clear nonsense')).rejects.toThrow('there is no fault "nonsense"')
  } finally {
    await simulator.close()
  }
})

test('an instrument refuses a fault that it cannot have; a field of a table shows what it is told to', async () => {
  const physical = await startLakeshore372({ serialNumber: 'LSA22YG', tcp: '127.0.0.1:0' })
  expect(obey(physical, 'value field=T value=1')).rejects.toThrow('use overload channel=N')
  await physical.close()
  const cell = { type: 'int', part: nth(1, integer), sim: 0 } as const
  const field = { part: nth(0, decimal), sim: 4.2 }
  const readings = [{ block: 'temps', command: 'READ?', fields: { T: field, status: cell } }]
  const simulator = await startTable({ readings }, { serialNumber: '1', tcp: '127.0.0.1:0' })
  expect(obey(simulator, 'overload channel=3')).rejects.toThrow('use value field=NAME value=TEXT')
  expect(obey(simulator, 'value field=U value=1')).rejects.toThrow(
    'there is no field "U": there are T, status',
  )
  const link = await openLine(simulator.url, { identify: null, timeout: UNHURRIED_MS })
  expect(await link.query('READ?')).toBe('4.2,0')
  await obey(simulator, 'value field=status value=16')
  expect(await link.query('READ?')).toBe('4.2,16')
  await obey(simulator, 'clear')
  expect(await link.query('READ?')).toBe('4.2,0')
  await link.close()
  await simulator.close()
})
