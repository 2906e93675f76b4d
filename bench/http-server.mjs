/**
 * An ordinary HTTP server: it knows nothing of Kymograph. `/usage` and `/quit` are for the benchmark.
 *
 *   node bench/http-server.mjs PORTFILE
 */
import { renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'

const products = Array.from({ length: 20 }, (_, id) => ({
  id,
  name: `product ${id}`,
  price: id * 3 + 1,
  stock: 100 - id,
}))

const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost')
  if (url.pathname === '/usage') {
    response.end(JSON.stringify(process.cpuUsage()))
  } else if (url.pathname === '/quit') {
    response.end('bye', () => {
      server.close()
      server.closeAllConnections()
    })
  } else {
    const least = Number(url.searchParams.get('stock') ?? 0)
    const body = JSON.stringify({ products: products.filter(({ stock }) => stock >= least) })
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    response.end(body)
  }
})

server.listen(0, '127.0.0.1', () => {
  const file = process.argv[2]
  // By rename: whoever waits for the file never reads half of it.
  writeFileSync(`${file}.new`, String(server.address().port))
  renameSync(`${file}.new`, file)
})
