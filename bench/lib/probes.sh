# One probe each for a kind of load: `probe NAME SECONDS` loads a system from core 1 for so long and prints how many units
# were done, and the median and the 99th percentile of the milliseconds that one took (`-` where that can't be told).

agent='Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
# What a browser sends, after the cookies.
browser=(
  -H "User-Agent: $agent" -H 'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
  -H 'Accept-Language: en-US,en;q=0.5' -H 'Accept-Encoding: gzip, deflate, br, zstd' -H 'Sec-Fetch-Dest: empty'
  -H 'Sec-Fetch-Mode: cors' -H 'Sec-Fetch-Site: same-origin' -H 'Priority: u=0'
)
asked='/api/items/42?page=3'

# Requests with a good cookie.
requests() {
  wrk_at "$1" "$2" -H "Cookie: theme=dark; ${cookie_of[$1]}; lang=en"
  if grep -qE 'Non-2xx|Socket errors' "$work/wrk"; then fail "$1 did not answer everything" "$work/wrk"; fi
  told_by_wrk
}

# Requests with the system's tokens in turn; `online-one` has one and takes the same road, so that wrk's own pace is the same.
requests_of_many() {
  local count=10000
  [ "$1" != online-one ] || count=1
  TOKENS=$work/online.tokens COUNT=$count wrk_at "$1" "$2" -s bench/lib/tokens.lua
  if grep -qE 'Non-2xx|Socket errors' "$work/wrk"; then fail "$1 did not answer everything" "$work/wrk"; fi
  told_by_wrk
}

# Requests without a token: each has to be refused.
refusals() {
  wrk_at "$1" "$2" -H 'Cookie: theme=dark; lang=en'
  if ! awk '/requests in/ { all = $1 } /Non-2xx/ { refused = $NF } END { exit !(all > 0 && refused == all) }' "$work/wrk"; then
    fail "$1 let a stranger pass" "$work/wrk"
  fi
  told_by_wrk
}

wrk_at() {
  local address=${address_of[$1]} seconds=$2
  shift 2
  taskset -c 1 wrk -t1 -c"$connections" -d"${seconds}s" --latency "${browser[@]}" "$@" \
    -H 'Connection: keep-alive' -H "Referer: http://$address/" "http://$address$asked" >"$work/wrk"
}

told_by_wrk() {
  awk '
    function millis(text) { return text ~ /us$/ ? text / 1000 : text ~ /ms$/ ? text + 0 : text * 1000 }
    $1 == "50%" { median = millis($2) } $1 == "99%" { most = millis($2) } /requests in/ { count = $1 }
    END { print count, median, most }' "$work/wrk"
}

# The same over HTTP/2: eight connections share the requests that are under way.
requests_http2() {
  local address=${address_of[$1]}
  # It would be appended to.
  rm -f "$work/times"
  taskset -c 1 h2load -t1 -c8 -m$((connections / 8)) -D "$2" --log-file="$work/times" "${browser[@]}" \
    -H "Cookie: theme=dark; ${cookie_of[$1]}; lang=en" -H "Referer: http://$address/" "http://$address$asked" >"$work/h2load" 2>&1
  # Those that were under way at the end count as neither. Of the times (start, status, microseconds) there are too many to
  # be sorted meanwhile: they are counted by hundredths of a millisecond.
  awk '
    FILENAME ~ /times$/ { if ($2 == 200) { times[int($3 / 10)]++; all++ } next }
    /^finished in/ { took = $3; took = took ~ /ms,$/ ? took / 1000 : took + 0 }
    /^requests:/ { for (i = 2; i <= NF; i++) if ($i ~ /^succeeded/) done = $(i - 1); else if ($i ~ /^failed/) failed = $(i - 1) }
    /^status codes:/ { good = $3 }
    function hundredth(part,  at, sum) { at = 0; while ((sum += times[at]) < all * part) at++; return at / 100 }
    END { if (done == 0 || failed > 0 || good < done || all == 0 || took == 0) exit 1; print done, hundredth(0.5), hundredth(0.99), took }
  ' "$work/times" "$work/h2load" || fail "$1 did not answer everything" "$work/h2load"
}

bodies_down() { tool down "$1" "$2" 2; }
bodies_up() { tool up "$1" "$2" 2; }
messages() { tool sockets "$1" "$2" "$connections"; }
events() { tool events "$1" "$2" 200; }

tool() {
  taskset -c 1 "$tools/load" "$1" "${address_of[$2]}" "${cookie_of[$2]}" "$4" "$3" 2>"$work/load" ||
    fail "$2 failed under $1" "$work/load"
}
