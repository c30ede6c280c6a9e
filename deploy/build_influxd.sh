#!/usr/bin/env bash
# InfluxDB 1.8.10 for the tests, built from its own Go module once and kept: about 2 minutes the first time, nothing when it is there.
# Prints where the binary is. $WATTLINE_TOOLS says in which folder tools are kept.
set -euo pipefail
version=1.8.10
folder="${WATTLINE_TOOLS:-$HOME/.cache/wattline/bin}"
binary="$folder/influxd-$version"
if [ ! -x "$binary" ]; then
  command -v go >/dev/null || { echo "no Go compiler: install Go 1.19 or newer, or put influxd $version at $binary" >&2; exit 1; }
  build="$(mktemp -d)"
  trap 'rm -rf "$build"' EXIT
  CGO_ENABLED=0 GOBIN="$build" go install -ldflags "-s -w -X main.version=$version" "github.com/influxdata/influxdb/cmd/influxd@v$version"
  mkdir -p "$folder"
  mv "$build/influxd" "$binary"
fi
echo "$binary"
