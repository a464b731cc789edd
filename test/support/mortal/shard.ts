import { workerData } from 'node:worker_threads'
import { mortal } from './fault.ts'

await import('../../../workers/shard.ts')
mortal(`shard ${(workerData as { readonly shard: number }).shard}`)
