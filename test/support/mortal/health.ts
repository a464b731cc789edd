import { mortal } from './fault.ts'

await import('../../../workers/health.ts')
mortal('health')
