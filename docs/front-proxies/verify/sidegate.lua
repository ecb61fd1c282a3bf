-- Asks Sidegate whether a request may pass (for haproxy.cfg beside this file), with HAProxy's own HTTP client.

local verify = "http://127.0.0.1:8000/auth/verify"

-- What Sidegate judges by: credentials, what browsers say of where a request comes from, and what kind of answer is wanted.
local told = {
  "cookie", "authorization", "origin", "sec-fetch-site", "sec-fetch-mode", "accept", "content-type",
  "sec-websocket-key", "sec-websocket-version", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id",
}
-- HAProxy's variables for Sidegate's [identity] headers.
local identity = { ["x-user-id"] = "txn.user_id" }

local function first(headers, name)
  local values = headers and headers[name]
  return values and values[0]
end

core.register_action("sidegate", { "http-req" }, function(txn)
  -- Whatever goes wrong below: nobody passes.
  txn:set_var("txn.status", 403)
  local asked, headers = txn.http:req_get_headers(), {}
  for _, name in ipairs(told) do
    local values = asked[name]
    if values then
      headers[name] = {}
      for index = 0, #values do table.insert(headers[name], values[index]) end
    end
  end
  headers["x-forwarded-method"] = { txn.sf:method() }
  headers["x-forwarded-uri"] = { txn.sf:pathq() }
  -- A tunnel, whatever its kind: HTTP/2's extended CONNECT (RFC 8441) is a GET with this header here, and has no key.
  if asked["upgrade"] then headers["upgrade"] = { "websocket" } end

  local answer = core.httpclient():get({ url = verify, headers = headers, timeout = 5000 })
  if not answer or not answer.status then return end
  txn:set_var("txn.status", answer.status)
  if answer.status == 303 then
    txn:set_var("txn.login", first(answer.headers, "location") or "/auth/login")
  end
  txn:set_var("txn.challenge", first(answer.headers, "www-authenticate") or "Cookie")
  local renewed = first(answer.headers, "set-cookie")
  if renewed then txn:set_var("txn.renewed", renewed) end
  for header, variable in pairs(identity) do
    txn:set_var(variable, first(answer.headers, header) or "")
  end
end)
