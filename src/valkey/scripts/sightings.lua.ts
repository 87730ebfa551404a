/** Networks and devices of one key that are kept one by one; of more, the number is estimated. */
const MAX_EXACT = 64
/** A window is so many slices: the union of the last ones forgets what left the window. */
const SLICES_PER_WINDOW = 8
/** How long an estimate is good for: a union of many sketches is dear. */
const ESTIMATE_MS = 1000

/**
 * What scripts share that know from where links are used. `s` are the networks, `v` the devices, `w` the
 * transfers that run by node, `b` when the latest one was that is not kept, `x` the slices of sketches,
 * `h:<slice>:<kind>` the sketches, `sv` the number that grows with each one that is new.
 */
export const SIGHTINGS = `
local function estimates(after)
  local cached = redis.call('GET', base .. 'e')
  if cached then
    local one = cjson.decode(cached)
    if one.after == after then return one end
  end
  local totals = { after = after }
  local slices = redis.call('HKEYS', base .. 'x')
  for _, kind in ipairs({ 'networks', 'groups', 'asns', 'countries', 'devices' }) do
    local keys = {}
    for _, slice in ipairs(slices) do
      if tonumber(string.match(slice, '-(%d+)$')) > after then
        keys[#keys + 1] = base .. 'h:' .. slice .. ':' .. kind
      end
    end
    totals[kind] = #keys > 0 and redis.call('PFCOUNT', unpack(keys)) or 0
  end
  redis.call('SET', base .. 'e', cjson.encode(totals), 'PX', ${ESTIMATE_MS})
  return totals
end

local function beyond(after)
  return tonumber(redis.call('GET', base .. 'b') or '-1') > after
end

local function seenAfter(after)
  return {
    version = tonumber(redis.call('GET', base .. 'sv') or '0'),
    networks = redis.call('HGETALL', base .. 's'),
    devices = redis.call('HGETALL', base .. 'v'),
    flows = redis.call('HGETALL', base .. 'w'),
    now = now,
    estimates = beyond(after) and estimates(after) or nil,
  }
end

local function sketch(values, at, window)
  local width = math.ceil(window / ${SLICES_PER_WINDOW})
  local starts = math.floor(at / width) * width
  local slice = string.format('%d-%d', starts, starts + width)
  redis.call('HSET', base .. 'x', slice, starts + width + window)
  keep(base .. 'x', window + width)
  for kind, value in pairs(values) do
    local key = base .. 'h:' .. slice .. ':' .. kind
    redis.call('PFADD', key, value)
    keep(key, window + width)
  end
end

local function valuesOf(network, one)
  local values = { networks = network, groups = network, devices = one.device }
  if one.asn then
    values.asns = tostring(one.asn)
    values.groups = 'AS' .. one.asn
  end
  if one.isRelay then values.groups = 'relay' else values.countries = one.country or 'unknown' end
  return values
end

-- forgets what expired, then the oldest of too many: returns when the latest of those was seen
local function trim(key, at, each)
  local flat, kept = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do
    local one = cjson.decode(flat[i + 1])
    if one.expires <= at then redis.call('HDEL', key, flat[i])
    else kept[#kept + 1] = { name = flat[i], one = one } end
  end
  if each then for _, row in ipairs(kept) do each(row.name, row.one) end end
  if #kept <= ${MAX_EXACT} then return nil end
  table.sort(kept, function(a, b) return a.one.seen > b.one.seen end)
  for i = ${MAX_EXACT + 1}, #kept do redis.call('HDEL', key, kept[i].name) end
  return kept[${MAX_EXACT + 1}].one.seen
end

local function makeRoom(at, window, wasBeyond)
  if redis.call('HLEN', base .. 's') <= ${MAX_EXACT} and redis.call('HLEN', base .. 'v') <= ${MAX_EXACT} then
    return false
  end
  local networks, devices = {}, {}
  local latestNetwork = trim(base .. 's', at, function(name, one)
    networks[#networks + 1] = { name = name, one = one }
  end)
  local latestDevice = trim(base .. 'v', at, function(name, one)
    devices[#devices + 1] = { name = name, one = one }
  end)
  if not latestNetwork and not latestDevice then return false end
  if not wasBeyond then
    for _, row in ipairs(networks) do sketch(valuesOf(row.name, row.one), row.one.seen, window) end
    for _, row in ipairs(devices) do sketch({ devices = row.name }, row.one.seen, window) end
  end
  local latest = math.max(latestNetwork or -1, latestDevice or -1, tonumber(redis.call('GET', base .. 'b') or '-1'))
  redis.call('SET', base .. 'b', string.format('%d', latest), 'EX', math.max(1, latest + window - at))
  return true
end

local function record(one, at, window)
  local old = redis.call('HGET', base .. 's', one.network)
  local known = old and cjson.decode(old)
  local isKnown = known and known.expires > at
  local device = redis.call('HGET', base .. 'v', one.device)
  local deviceExpires = device and cjson.decode(device).expires or 0
  local isChanged = isKnown and (known.country ~= one.country or known.asn ~= one.asn or known.isRelay ~= one.isRelay)
  local expires = at + window
  redis.call('HSET', base .. 's', one.network, cjson.encode({
    country = one.country, asn = one.asn, isRelay = one.isRelay, device = one.device,
    first = isKnown and known.first or at,
    seen = isKnown and math.max(known.seen, at) or at,
    expires = isKnown and math.max(known.expires, expires) or expires,
  }))
  redis.call('HSET', base .. 'v', one.device, cjson.encode({
    seen = at, expires = math.max(deviceExpires, expires),
  }))
  for _, key in ipairs({ 's', 'v' }) do keep(base .. key, window) end
  local wasBeyond = beyond(at - window)
  local isNewDevice = deviceExpires <= at
  local isNew = not isKnown or isNewDevice
  local isBeyond = isNew and makeRoom(at, window, wasBeyond)
  if wasBeyond or isBeyond then sketch(valuesOf(one.network, one), at, window) end
  -- an estimate is not more exact for knowing the last one
  if (isNew or isChanged) and not wasBeyond then
    redis.call('INCR', base .. 'sv')
    keep(base .. 'sv', window)
  end
  return { network = not isKnown, device = isNewDevice }
end

local function enterFlow(flow)
  local value = { country = flow.country, isRelay = flow.isRelay, expires = now + ask.ttl }
  redis.call('HSET', base .. 'w', ask.node .. '|' .. flow.network, cjson.encode(value))
  redis.call('PEXPIRE', base .. 'w', ask.ttl * 2)
end
`
