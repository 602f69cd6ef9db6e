import t from 'tap'
import { decodeMessage } from '../../src/core/message.ts'
import { fromBase64, toBase64 } from '../../src/rest/base64.ts'
import { parseJson } from '../../src/rest/json/parse.ts'
import { writeJson } from '../../src/rest/json/write.ts'
import {
  encodeGiven,
  filteredMessage,
  legacyStoredMessage,
  messageGiven,
  messageTold,
  relayedMessage,
  storedMessage,
} from '../../src/rest/message.ts'

const whole =
  '{"payload":"aGk=","contentTopic":"/a/1/b/c","version":1,"timestamp":1735689600123456789,"meta":"bQ==","ephemeral":true,"proof":"cA=="}'

function encode(text: string): Uint8Array {
  return encodeGiven(messageGiven.read(parseJson(Buffer.from(text)), 'message'))
}

t.test('each path tells a message in its own order', async (t) => {
  const bytes = encode(whole)
  const message = decodeMessage(bytes)
  t.equal(writeJson(relayedMessage(message)), whole)
  t.equal(writeJson(filteredMessage(message)), whole.replace(',"proof":"cA=="', ''))
  t.equal(
    writeJson(storedMessage(bytes)),
    '{"payload":"aGk=","contentTopic":"/a/1/b/c","meta":"bQ==","version":1,"timestamp":1735689600123456789,"ephemeral":true,"proof":"cA=="}',
  )
  t.equal(
    writeJson(legacyStoredMessage(message)),
    '{"payload":"aGk=","contentTopic":"/a/1/b/c","version":1,"timestamp":1735689600123456789,"ephemeral":true,"meta":"bQ=="}',
  )
})

t.test('what is not there is left out, but for the proof of relay', async (t) => {
  const bytes = encode('{"payload":"aGk=","contentTopic":"/a/1/b/c"}')
  const told = '{"payload":"aGk=","contentTopic":"/a/1/b/c","version":0,"timestamp":0,"ephemeral":false'
  t.equal(writeJson(relayedMessage(decodeMessage(bytes))), `${told},"proof":""}`)
  t.equal(writeJson(filteredMessage(decodeMessage(bytes))), `${told}}`)
  t.equal(writeJson(storedMessage(bytes)), `${told}}`)
  t.equal(decodeMessage(bytes).timestamp, undefined, 'the publisher stamps it')
  t.ok(messageTold.read(parseJson(Buffer.from(writeJson(storedMessage(bytes)))), ''))
})

t.test('a message of the wrong shape is refused with the words of nwaku', async (t) => {
  const cases = [
    { text: '{"contentTopic":"/a/1/b/c"}', why: 'Field `payload` is missing or empty' },
    { text: '{"payload":"","contentTopic":"/a/1/b/c"}', why: 'Field `payload` is missing or empty' },
    { text: '{"payload":"aGk="}', why: 'Field `contentTopic` is missing or empty' },
    { text: '{"payload":"aGk=","contentTopic":" "}', why: 'Field `contentTopic` is missing or empty' },
    { text: whole.replace('"version":1', '"version":"1"'), why: 'version is not an integer, 0 or above' },
    { text: whole.replace('"version":1', '"version":-1'), why: 'version is not an integer, 0 or above' },
    { text: whole.replace('89,', '89.5,'), why: 'timestamp is not an integer' },
    { text: whole.replace('1735689600123456789', '"1735689600123456789"'), why: 'timestamp is not an integer' },
    {
      text: whole.replace('1735689600123456789', '9223372036854775808'),
      why: 'timestamp is not an integer of 64 bits',
    },
    { text: whole.replace('true', 'null'), why: 'ephemeral is not true or false' },
    { text: whole.replace('"proof"', '"more"'), why: 'unknown field "more"' },
    { text: '[]', why: 'message is not an object' },
  ]
  for (const { text, why } of cases) t.throws(() => encode(text), { code: 'rest/bad-body', data: { why } }, why)
})

t.test('base64 is the standard alphabet with padding, and nothing else', async (t) => {
  for (const text of ['', 'aGk=', '+/+/', 'AA==']) t.equal(toBase64(fromBase64(text)), text)
  for (const text of ['aGk', '-_-_', 'a', 'aGk=\n', 'aG=k', '====', 'aGk= ', 'ä'])
    t.throws(() => fromBase64(text), { code: 'rest/bad-base64', message: 'Incorrect base64 string' }, text)
  t.throws(() => encode(whole.replace('aGk=', 'aGk')), { code: 'rest/bad-base64' })
})
