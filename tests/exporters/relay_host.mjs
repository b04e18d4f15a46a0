// Runs a Worker's `fetch` behind a local HTTP server; its data points go to standard output.
import { createServer } from "node:http"
import { pathToFileURL } from "node:url"

const [path, token] = process.argv.slice(2)
const worker = (await import(pathToFileURL(path))).default
const env = {
  TOKEN: token,
  PERF: { writeDataPoint: (point) => console.log(JSON.stringify(point)) },
}

const server = createServer(async (incoming, outgoing) => {
  const chunks = []
  for await (const chunk of incoming) chunks.push(chunk)
  const body = chunks.length ? Buffer.concat(chunks) : undefined
  const { method, headers } = incoming
  const request = new Request("http://relay.test/", { method, headers, body })
  const response = await worker.fetch(request, env)
  outgoing.writeHead(response.status, Object.fromEntries(response.headers)).end()
})
server.listen(0, "127.0.0.1", () => console.log(server.address().port))
