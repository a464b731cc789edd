import { CivilTime, MONTH_NAMES, writeName, writeTwoDigits } from '../base/calendar.ts'
import type { FleetNames } from './fleet-metrics.ts'
import { BARE, ByteOutput, QUOTED } from './byte-output.ts'
import { LogNames } from './log-names.ts'
import { LOG_DOUBLE, LOG_WORD } from './log-record.ts'
import type { LogRecordView, LogSpan } from './log-view.ts'
import { OUTCOMES } from './outcome.ts'

/**
 * One line per exchange: the combined log format, then `name=value` words. What did not come to pass is `-`. Bytes that are not
 * printable ASCII are `\xHH`, quotes and backslashes have a backslash before them, and a text that was cut ends in `\+n`, n bytes missing.
 *
 *     192.0.2.1 - - [22/Nov/2026:00:31:02 +0000] "GET /x?y HTTP/1.1" 200 512 "-" "curl/8.5" host="a.example" ts=1795307462.123
 *     in=78 queue=- connect=0.212 first=3.010 total=3.120 shard=0 listener=web cluster=api endpoint=127.0.0.1:9001
 *     route=0 retries=0 reused=1 outcome=complete by=none id=…      (all on one line; durations in ms)
 */
export class TextLine {
  readonly names: LogNames
  readonly #time = new CommonLogTime()

  constructor(names: FleetNames) {
    this.names = new LogNames(names, bareName, '-')
  }

  write(out: ByteOutput, view: LogRecordView, shard: number): void {
    this.#combined(out, view)
    out.ascii(' host=')
    quoted(out, view, view.host)
    out.ascii(' ts=')
    out.thousandths(view.wallStartMs / 1000)
    out.ascii(' in=')
    out.integer(view.double(LOG_DOUBLE.bytesFromClient))
    durations(out, view)
    this.#whereabouts(out, view, shard)
    const outcome = OUTCOMES[view.word(LOG_WORD.outcome)]
    out.ascii(' outcome=')
    out.ascii(outcome?.name ?? '-')
    out.ascii(' by=')
    out.ascii(outcome?.by ?? '-')
    out.ascii(' id=')
    bare(out, view, view.requestId)
    out.byte(10)
  }

  #combined(out: ByteOutput, view: LogRecordView): void {
    bare(out, view, view.peer)
    out.ascii(' - - [')
    out.raw(this.#time.at(view.wallStartMs), 0, COMMON_LOG_TIME_BYTES)
    out.ascii('] "')
    if (view.method.empty && view.target.empty) out.byte(45)
    else {
      bare(out, view, view.method)
      out.byte(32)
      bare(out, view, view.target)
      out.ascii(view.minor === 0 ? ' HTTP/1.0' : ' HTTP/1.1')
    }
    out.ascii('" ')
    numberOrDash(out, view.word(LOG_WORD.status), 1)
    out.byte(32)
    out.integer(view.double(LOG_DOUBLE.bytesToClient))
    out.byte(32)
    quoted(out, view, view.referer)
    out.byte(32)
    quoted(out, view, view.userAgent)
  }

  #whereabouts(out: ByteOutput, view: LogRecordView, shard: number): void {
    out.ascii(' shard=')
    out.integer(shard)
    out.ascii(' listener=')
    word(out, this.names.listener(view.word(LOG_WORD.listener)))
    out.ascii(' cluster=')
    word(out, this.names.cluster(view.word(LOG_WORD.cluster)))
    out.ascii(' endpoint=')
    word(out, this.names.endpoint(view.word(LOG_WORD.endpoint)))
    out.ascii(' route=')
    numberOrDash(out, view.word(LOG_WORD.route), 0)
    out.ascii(' retries=')
    out.integer(view.word(LOG_WORD.retries))
    out.ascii(view.reused ? ' reused=1' : ' reused=0')
  }
}

const word = (out: ByteOutput, bytes: Uint8Array): void => out.raw(bytes, 0, bytes.length)

const durations = (out: ByteOutput, view: LogRecordView): void => {
  out.ascii(' queue=')
  duration(out, view.double(LOG_DOUBLE.queueMs))
  out.ascii(' connect=')
  duration(out, view.double(LOG_DOUBLE.connectMs))
  out.ascii(' first=')
  duration(out, view.double(LOG_DOUBLE.firstByteMs))
  out.ascii(' total=')
  duration(out, view.double(LOG_DOUBLE.durationMs))
}

const duration = (out: ByteOutput, ms: number): void => {
  if (ms >= 0) out.thousandths(ms)
  else out.byte(45)
}

const numberOrDash = (out: ByteOutput, value: number, least: number): void => {
  if (value >= least) out.integer(value)
  else out.byte(45)
}

const bare = (out: ByteOutput, view: LogRecordView, span: LogSpan): void => {
  if (span.empty) out.byte(45)
  out.escaped(view.bytes, span, BARE)
  cutMark(out, span)
}

const quoted = (out: ByteOutput, view: LogRecordView, span: LogSpan): void => {
  out.byte(34)
  if (span.empty) out.byte(45)
  out.escaped(view.bytes, span, QUOTED)
  cutMark(out, span)
  out.byte(34)
}

const cutMark = (out: ByteOutput, span: LogSpan): void => {
  if (span.cut <= 0) return
  out.ascii('\\+')
  out.integer(span.cut)
}

/** A name as a bare word: UTF-8, escaped like everything else. */
const bareName = (name: string): string => {
  const bytes = new TextEncoder().encode(name)
  const out = new ByteOutput(4 * bytes.length)
  out.escaped(bytes, { start: 0, end: bytes.length }, BARE)
  return String.fromCharCode(...out.bytes.subarray(0, out.at))
}

const COMMON_LOG_TIME_BYTES = 26

/** `22/Nov/2026:00:31:02 +0000`, formatted once a second. */
class CommonLogTime {
  readonly #bytes = new Uint8Array(COMMON_LOG_TIME_BYTES)
  readonly #civil = new CivilTime()
  #second = Number.NaN

  at(wallMs: number): Uint8Array {
    const second = Math.floor(wallMs / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#format(second)
    }
    return this.#bytes
  }

  #format(second: number): void {
    const bytes = this.#bytes
    const civil = this.#civil
    civil.set(second)
    const template = '--/---/----:--:--:-- +0000'
    for (let i = 0; i < template.length; i++) bytes[i] = template.charCodeAt(i)
    writeTwoDigits(bytes, 0, civil.day)
    writeName(bytes, 3, MONTH_NAMES, civil.month - 1)
    writeTwoDigits(bytes, 7, Math.floor(civil.year / 100))
    writeTwoDigits(bytes, 9, civil.year % 100)
    writeTwoDigits(bytes, 12, civil.hour)
    writeTwoDigits(bytes, 15, civil.minute)
    writeTwoDigits(bytes, 18, civil.second)
  }
}
