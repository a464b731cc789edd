import { mortal } from './fault.ts'

await import('../../../workers/acceptor.ts')
mortal('acceptor')
