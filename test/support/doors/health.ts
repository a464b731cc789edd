/** The real health, and a way to end it. */
// oxlint-disable-next-line import/no-unassigned-import -- the door itself: it does everything on being loaded
import '../../../workers/health.ts'
import { mortal } from './mortal.ts'

mortal('health')
