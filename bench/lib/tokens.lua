-- wrk: each request has the next of the first COUNT tokens of the file TOKENS.
local heads, next_one = {}, 0

function init()
  local count = tonumber(os.getenv("COUNT"))
  for token in io.lines(os.getenv("TOKENS")) do
    if #heads == count then break end
    wrk.headers["Cookie"] = "theme=dark; access_token=" .. token .. "; lang=en"
    heads[#heads + 1] = wrk.format()
  end
end

function request()
  next_one = next_one % #heads + 1
  return heads[next_one]
end
