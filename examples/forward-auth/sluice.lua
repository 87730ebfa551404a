-- Asks Sluice whether HAProxy may answer a request: /v1/decision, in the fields that nginx writes.
-- Leaves txn.sluice_status (204: yes), txn.sluice_reason and txn.sluice_link. Anything else than 204 is a no.

local URL = os.getenv("SLUICE_ADMIN") or "http://127.0.0.1:8081"
local TOKEN = os.getenv("SLUICE_TOKEN") or ""

-- of the client: what links and policies look at
local OWN = { "authorization", "cookie", "referer", "user-agent", "range", "sec-purpose", "purpose" }

core.register_action("sluice", { "http-req" }, function(txn)
  local headers = {
    ["x-sluice-token"] = { TOKEN },
    -- path and query as the client sent them
    ["x-original-uri"] = { txn.f:pathq() },
    ["x-original-method"] = { txn.f:method() },
    ["x-forwarded-for"] = { txn.f:src() },
    ["x-forwarded-proto"] = { txn.f:ssl_fc() == 1 and "https" or "http" },
  }
  local sent = txn.http:req_get_headers()
  for _, name in ipairs(OWN) do
    local lines = sent[name]
    if lines then
      headers[name] = {}
      for i = 0, #lines do headers[name][i + 1] = lines[i] end
    end
  end
  local answer = core.httpclient():get({ url = URL .. "/v1/decision", headers = headers, timeout = 2000 })
  local function told(name)
    local lines = answer and answer.headers and answer.headers[name]
    return lines and lines[0] or ""
  end
  txn:set_var("txn.sluice_status", answer and answer.status or 0)
  txn:set_var("txn.sluice_reason", told("x-sluice-reason"))
  txn:set_var("txn.sluice_link", told("x-sluice-link-id"))
end)
