import { createInterface } from 'node:readline'

/** Answer each line of stdin with one of JSON on stdout; ends with stdin. */
export function serve(orders: (order: string, argument: string) => unknown): void {
  const lines = createInterface({ input: process.stdin })
  lines.on('line', (line) => {
    const [order = '', argument = ''] = line.split(' ')
    void Promise.resolve(orders(order, argument)).then((answer) =>
      process.stdout.write(`${JSON.stringify(answer)}\n`),
    )
  })
  lines.on('close', () => process.exit(0))
}
