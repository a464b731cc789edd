import { CivilTime, writeTwoDigits } from '../base/calendar.ts'
import type { ByteOutput } from './byte-output.ts'
import type { FleetNames } from './fleet-metrics.ts'
import { LogNames } from './log-names.ts'
import { LOG_DOUBLE, LOG_TEXTS, LOG_WORD } from './log-record.ts'
import type { LogRecordView, LogSpan } from './log-view.ts'
import { OUTCOMES } from './outcome.ts'

/**
 * One JSON object per exchange and line. What did not come to pass is null; texts are bytes taken as code points 0…255; a text that was
 * cut has a second member `…Cut` with the number of bytes missing. Durations in ms, `time` in RFC 3339.
 */
export class JsonLine {
  readonly names: LogNames
  readonly #time = new Rfc3339Time()

  constructor(names: FleetNames) {
    this.names = new LogNames(names, JSON.stringify, 'null')
  }

  write(out: ByteOutput, view: LogRecordView, shard: number): void {
    out.ascii('{"time":"')
    out.raw(this.#time.at(view.wallStartMs), 0, RFC3339_BYTES)
    out.byte(34)
    for (const text of LOG_TEXTS) textMember(out, view, text)
    out.ascii(view.minor === 0 ? ',"protocol":"HTTP/1.0"' : ',"protocol":"HTTP/1.1"')
    numbers(out, view)
    out.ascii(',"shard":')
    out.integer(shard)
    nameMember(out, 'listener', this.names.listener(view.word(LOG_WORD.listener)))
    nameMember(out, 'cluster', this.names.cluster(view.word(LOG_WORD.cluster)))
    nameMember(out, 'endpoint', this.names.endpoint(view.word(LOG_WORD.endpoint)))
    const outcome = OUTCOMES[view.word(LOG_WORD.outcome)]
    out.ascii(view.reused ? ',"reused":true,"outcome":"' : ',"reused":false,"outcome":"')
    out.ascii(outcome?.name ?? '-')
    out.ascii('","endedBy":"')
    out.ascii(outcome?.by ?? '-')
    out.ascii('"}\n')
  }
}

const numbers = (out: ByteOutput, view: LogRecordView): void => {
  member(out, 'status', view.word(LOG_WORD.status) || -1)
  member(out, 'bytesIn', view.double(LOG_DOUBLE.bytesFromClient))
  member(out, 'bytesOut', view.double(LOG_DOUBLE.bytesToClient))
  member(out, 'route', view.word(LOG_WORD.route))
  member(out, 'retries', view.word(LOG_WORD.retries))
  durationMember(out, 'queueMs', view.double(LOG_DOUBLE.queueMs))
  durationMember(out, 'connectMs', view.double(LOG_DOUBLE.connectMs))
  durationMember(out, 'firstByteMs', view.double(LOG_DOUBLE.firstByteMs))
  durationMember(out, 'totalMs', view.double(LOG_DOUBLE.durationMs))
}

const key = (out: ByteOutput, name: string): void => {
  out.ascii(',"')
  out.ascii(name)
  out.ascii('":')
}

const member = (out: ByteOutput, name: string, value: number): void => {
  key(out, name)
  if (value >= 0) out.integer(value)
  else out.ascii('null')
}

const durationMember = (out: ByteOutput, name: string, ms: number): void => {
  key(out, name)
  if (ms >= 0) out.thousandths(ms)
  else out.ascii('null')
}

const textMember = (out: ByteOutput, view: LogRecordView, name: (typeof LOG_TEXTS)[number]): void => {
  const span: LogSpan = view[name]
  key(out, name)
  if (span.empty) {
    out.ascii('null')
    return
  }
  out.byte(34)
  out.jsonEscaped(view.bytes, span)
  out.byte(34)
  if (span.cut > 0) {
    out.ascii(',"')
    out.ascii(name)
    out.ascii('Cut":')
    out.integer(span.cut)
  }
}

const nameMember = (out: ByteOutput, name: string, json: Uint8Array): void => {
  key(out, name)
  out.raw(json, 0, json.length)
}

const RFC3339_BYTES = 24

/** `2026-11-22T00:31:02.123Z`; all but the milliseconds formatted once a second. */
class Rfc3339Time {
  readonly #bytes = new Uint8Array(RFC3339_BYTES)
  readonly #civil = new CivilTime()
  #second = Number.NaN

  at(wallMs: number): Uint8Array {
    const bytes = this.#bytes
    const second = Math.floor(wallMs / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#format(second)
    }
    const ms = Math.floor(wallMs - second * 1000)
    bytes[20] = 48 + Math.floor(ms / 100)
    writeTwoDigits(bytes, 21, ms % 100)
    return bytes
  }

  #format(second: number): void {
    const bytes = this.#bytes
    const civil = this.#civil
    civil.set(second)
    const template = '----------T--:--:--.---Z'
    for (let i = 0; i < template.length; i++) bytes[i] = template.charCodeAt(i)
    writeTwoDigits(bytes, 0, Math.floor(civil.year / 100))
    writeTwoDigits(bytes, 2, civil.year % 100)
    writeTwoDigits(bytes, 5, civil.month)
    writeTwoDigits(bytes, 8, civil.day)
    writeTwoDigits(bytes, 11, civil.hour)
    writeTwoDigits(bytes, 14, civil.minute)
    writeTwoDigits(bytes, 17, civil.second)
  }
}
