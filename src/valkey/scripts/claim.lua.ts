import type { Script } from '../script.ts'
import { LEASES } from './leases.lua.ts'
import { SIGHTINGS } from './sightings.lua.ts'

/** Pins, reserves and records a download that begins, unless others changed what it was judged by. */
export const CLAIM: Script = {
  name: 'claim',
  keys: 1,
  lua: `
${LEASES}
${SIGHTINGS}
local reply = { outcome = 'claimed' }
if ask.pin then
  redis.call('SET', base .. 'f', ask.pin.address, 'NX', 'EX', math.max(1, ask.pin.seconds))
  reply.first = redis.call('GET', base .. 'f')
  if reply.first ~= ask.pin.address then reply.outcome = 'changed' end
end
if ask.sighting and tonumber(redis.call('GET', base .. 'sv') or '0') ~= ask.version then
  reply.outcome = 'changed'
end
if reply.outcome == 'claimed' and ask.max then
  if not hasRoom(ask.download, 'use', ask.max) then
    reply.outcome, reply.isFull = 'changed', true
  else
    take(ask.download, 'use', holders(ask.download), ask.mine)
    renew(ask.download)
    reply.reserves = true
  end
end
if reply.outcome == 'claimed' and ask.sighting then
  reply.new = record(ask.sighting, ask.at, ask.window)
  enterFlow(ask.sighting)
end
if ask.sighting and reply.outcome ~= 'claimed' then reply.seen = seenAfter(ask.after) end
if ask.max then
  reply.spent = spent()
  reply.reserved = openBut(ask.download, 'use')
end
return cjson.encode(reply)
`,
}
