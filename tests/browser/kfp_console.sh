#!/usr/bin/env bash
# Shows the outputs of an LRFinder pod with the viewer of the console of Kubeflow Pipelines, in that project's own test runner.
#
#   kfp_console.sh EXECUTOR_OUTPUT.json PAGE.html [PICTURE.png]
#
# EXECUTOR_OUTPUT.json is what the pod wrote about its outputs, and PAGE.html the file at the uri of lr_finder_page.
# `pytest -m long --basetemp=FOLDER tests/compiled/test_console.py` leaves both below FOLDER, for a pod of KFP.
# PICTURE.png gets a picture of the viewer in Chromium. It needs what README.md here says.
# The script downloads KFP 2.17.0 and 800 MB of packages into a temporary folder, unless KFP_FRONTEND names KFP's folder
# `frontend` with its packages. It needs git and node 20 or newer.
set -euo pipefail
EXECUTOR_OUTPUT=$(realpath "$1")
LR_FINDER_PAGE=$(realpath "$2")
export EXECUTOR_OUTPUT LR_FINDER_PAGE
picture=${3:+$(realpath -m "$3")}
here=$(dirname "$(realpath "$0")")

folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$folder"' EXIT
if [ -n "${KFP_FRONTEND:-}" ]; then
  cd "$KFP_FRONTEND"
else
  git clone --quiet --depth 1 --branch 2.17.0 https://github.com/kubeflow/pipelines "$folder"
  cd "$folder/frontend"
  npm ci --ignore-scripts --no-audit --no-fund --engine-strict=false --force
fi
cp "$here/kfp_console.node.tsx" src/components/viewers/LRFinderNode.tsx
cp "$here/kfp_console.test.tsx" src/components/viewers/LRFinder.test.tsx
cp "$here/kfp_console.page.tsx" src/lr_finder.tsx
npx vitest run src/components/viewers/LRFinder.test.tsx

if [ -n "$picture" ]; then
  echo '<div id="root"></div><script type="module" src="/src/lr_finder.tsx"></script>' >lr_finder.html
  node node_modules/vite/bin/vite.js --port 3017 --strictPort &
  server=$!
  until curl --silent --output /dev/null http://localhost:3017; do
    kill -0 "$server"
    sleep 1
  done
  node "$here/kfp_console.mjs" http://localhost:3017 "$picture"
fi
