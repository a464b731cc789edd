import { mortal } from './fault.ts'

await import('../../../workers/telemetry.ts')
mortal('telemetry')
