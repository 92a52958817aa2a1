-- Asks for each path in the file that is its argument, in turn. A line is a path and what is accepted.

local requests = {}
local at = 0

function init(args)
  for line in io.lines(args[1]) do
    local path, accept = line:match("^(%S+) (%S+)$")
    requests[#requests + 1] = wrk.format("GET", path, { Host = wrk.headers["Host"], Accept = accept })
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end
