import { mortal } from './fault.ts'

await import('../../../workers/discovery.ts')
mortal('discovery')
