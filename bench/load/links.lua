-- wrk -s links.lua URL -- FILE START: each request takes the next target of FILE, from line START on
local targets = {}
local at = 0

function init(args)
  for line in io.lines(args[1]) do targets[#targets + 1] = line end
  at = tonumber(args[2]) % #targets
end

function request()
  at = at % #targets + 1
  return wrk.format("GET", targets[at])
end
