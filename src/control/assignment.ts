/**
 * Which sockets of a group a shard accepts from. Each has its own; those of shards that are not in service (dead, starting, leaving, stuck, gone) are dealt
 * out evenly, so nobody waits on a socket that nobody serves. A group of one socket is shared by all.
 *
 * Laws (properties/assignment.test.ts): while anybody serves, each socket is accepted from by exactly one of those who serve; their numbers of
 * stand-ins differ by one at most; who serves and has a socket of its own accepts from that.
 *
 * `members`: sockets of the group. `serving`: in ascending order. Returns indexes of members.
 */
export function socketsOf(shard: number, members: number, serving: readonly number[]): readonly number[] {
  const rank = serving.indexOf(shard)
  if (rank < 0) return []
  if (members === 1) return [0]
  const own: number[] = []
  let orphans = 0
  for (let member = 0; member < members; member++) {
    if (member === shard) own.push(member)
    else if (!serving.includes(member) && orphans++ % serving.length === rank) own.push(member)
  }
  return own
}
