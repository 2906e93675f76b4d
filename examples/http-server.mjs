// An ordinary HTTP server: nothing in it knows of Kymograph.
import { createServer } from 'node:http'

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://localhost')
  if (url.pathname === '/slow') setTimeout(() => response.end('slow\n'), 5)
  else if (url.pathname === '/missing') response.writeHead(404).end('missing\n')
  else response.end(`hello ${url.searchParams.get('name') ?? 'world'}\n`)
})

server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`)
})
process.on('SIGINT', () => server.close())
process.on('SIGTERM', () => server.close())
