# Puts a section's report into a document, in the place of the one that is there.

# Between the lines `<!-- bench/run: SECTION -->` and `<!-- end -->`.
put() {
  local mark="<!-- bench/run: $1 -->"
  grep -qxF "$mark" "$3" || fail "$3 has no line $mark"
  awk -v mark="$mark" -v report="$2" '
    $0 == mark { print; while ((getline line < report) > 0) print line; skip = 1; next }
    $0 == "<!-- end -->" { skip = 0 }
    !skip' "$3" >"$work/document"
  cat "$work/document" >"$3"
}
