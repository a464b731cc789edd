/** A short-lived thread in which a module of an operator's runs for the first time: what it may do there harms nobody. */
import { exposeActor } from '../src/actor/rpc.ts'
import { auditModule } from '../src/balance/audit.ts'
import type { PolicyAudit } from '../src/control/policy-modules.ts'
import { actorPort } from '../src/io/thread.ts'

const audit: PolicyAudit = {
  async audit(url, options) {
    const module = (await import(url)) as Readonly<Record<string, unknown>>
    return auditModule(module, options)
  },
}
exposeActor(actorPort(), 'policy', audit)
