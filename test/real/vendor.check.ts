/** Lake Shore's own driver reads the simulated instruments as it reads real ones. */
import { expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { DemoLab } from './demo-lab.ts'
import { figure, Lab } from './roles.ts'

setDefaultTimeout(400_000)

/** Python with the package `lakeshore`. */
const PYTHON = process.env['OCS_LAKESHORE_PYTHON'] ?? ''

test('Lake Shore’s driver reads the simulated 240, 372 and 336', async () => {
  await using lab = new Lab()
  const demo = new DemoLab(lab)
  await demo.sim240()
  await lab.sim('372', 'LSA22YG', '--tcp', '127.0.0.1:7771')
  await lab.sim('336', 'LSA336X', '--tcp', '127.0.0.1:7772')
  const program = [PYTHON, join(import.meta.dir, 'vendor.py'), demo.pty, '7771', '7772']
  const driver = lab.program('driver', program)
  const { code } = await driver.ended(40)
  expect(code, driver.text()).toBe(0)
  for (let channel = 1; channel <= 8; channel++) {
    expect(driver.text('out')).toContain(`240 channel ${channel}: `)
    expect(driver.text('out')).toContain(`372 channel ${channel}: `)
  }
  for (const what of ['channel D: ', 'heater 2: 12.5', 'refuses: Command Error'])
    expect(driver.text('out')).toContain(`336 ${what}`)
  figure(`${driver.lines.length} answers, none that the driver could not take`)
})
