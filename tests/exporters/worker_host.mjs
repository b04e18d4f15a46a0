// Runs Python by Pyodide with a binding as a Worker has one: node worker_host.mjs PYODIDE ROOT CODE
// Prints one JSON object: the points that the binding was handed (null for what has no fields),
// and what the code's last line gave, which is JSON too.
import { pathToFileURL } from "node:url"

const [pyodide, root, code] = process.argv.slice(2)
const { loadPyodide } = await import(pathToFileURL(pyodide))
const python = await loadPyodide()
python.mountNodeFS("/package", root)
const points = []
globalThis.PERF = {
  writeDataPoint(point) {
    points.push(Array.isArray(point.indexes) ? point : null)
  },
}
const told = await python.runPythonAsync(`import sys; sys.path.insert(0, "/package")\n${code}`)
console.log(JSON.stringify({ points, told: JSON.parse(told) }))
