/** The real telemetry, and a way to end it. */
// oxlint-disable-next-line import/no-unassigned-import -- the door itself: it does everything on being loaded
import '../../../workers/telemetry.ts'
import { mortal } from './mortal.ts'

mortal('telemetry')
