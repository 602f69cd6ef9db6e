/** The health check of the image: exit code 0 when the node in this container answers that it lives. */
import { get } from 'node:http'

const port = Number(process.env.WAYPOST_REST_PORT || 8645) + Number(process.env.WAYPOST_PORTS_SHIFT || 0)
/** Milliseconds. Docker gives the check five seconds; this says why it failed before that. */
const patience = 4000

get({ host: '127.0.0.1', port, path: '/livez', timeout: patience }, (response) => {
  response.resume()
  if (response.statusCode !== 200) failed(`it answers ${response.statusCode}`)
})
  .on('timeout', function () {
    this.destroy(new Error(`no answer within ${patience} ms`))
  })
  .on('error', (error) => failed(error.message))

function failed(why) {
  console.error(`not healthy: http://127.0.0.1:${port}/livez: ${why}`)
  process.exitCode = 1
}
