/**
 * Every error that Waypost raises, once.
 *
 * A code is `folder/what-is-wrong`. Its row says when it happens, what a person reads, and which status a peer or an
 * HTTP client gets. `docs/errors.md` is generated from this table, and a test holds the two together.
 */

interface ErrorRow {
  /** When it happens, for the reference page. */
  when: string
  /** What a person reads; `{name}` is replaced by the field of that name. */
  says: string
  /** Status code in a Waku response, where a peer is told. */
  wire?: number
  /** HTTP status, where a REST client is told. */
  http?: number
  /** Exit code of the process, where it ends the program. */
  exit?: number
}

const table = {
  'wire/malformed': {
    when: 'bytes from a peer do not parse as the protobuf message that the protocol demands',
    says: 'malformed {what}: {why}',
    wire: 400,
    http: 400,
  },
  'wire/too-large': {
    when: 'a peer announces a frame above the limit of its protocol; it is refused before it is read',
    says: 'frame of {length} bytes is above the limit of {limit}',
    wire: 413,
    http: 413,
  },
  'wire/closed-early': {
    when: 'a peer closes its stream before its frame is complete',
    says: 'the stream closed after {received} bytes, before its frame was complete',
  },
  'wire/timed-out': {
    when: 'a peer did not send or take its frame in the time that its protocol allows',
    says: '{protocol} took longer than {limit} ms',
  },
  'wire/endless': {
    when: 'a peer takes more turns of a dialogue than its protocol allows',
    says: '{protocol} took more than {limit} turns',
  },
  'wire/rate-limited': {
    when: 'a peer asks more often than its own quota, or all peers together more often than the common one, allows',
    says: 'too many requests for {protocol}',
    wire: 429,
    http: 429,
  },
  'message/malformed': {
    when: 'bytes do not decode as a WakuMessage, or payload or content topic is missing',
    says: 'not a WakuMessage: {why}',
    wire: 400,
    http: 400,
  },
  'messaging/bad-group-id': {
    when: 'an application names a private group by what is not a uuid and the key of its creator',
    says: 'a private group has an id of another form: a uuid, -0x and the 130 digits of a key',
  },
  'messaging/cannot-send': {
    when: 'an application says something where it may not, or what receivers would refuse',
    says: 'this cannot be sent: {why}',
    exit: 65,
  },
  'messaging/closed': {
    when: 'an application asks something of a messenger that it has closed',
    says: 'the messenger is closed',
  },
  'messaging/no-network': {
    when: 'no node took a message, or no store answered to the end',
    says: 'no node can be reached for this: {why}',
    exit: 69,
  },
  'messaging/too-large': {
    when: 'an application sends a message above what receivers put together from segments',
    says: 'a message of {length} bytes is above the limit of {limit}',
  },
  'topic/bad-content-topic': {
    when: 'a content topic is not /application/version/name/encoding, with an optional generation of 0 in front',
    says: 'content topic {topic} is not valid: {why}',
    wire: 420,
    http: 400,
  },
  'topic/bad-pubsub-topic': {
    when: 'a pubsub topic is not /waku/2/rs/<cluster>/<shard>',
    says: 'pubsub topic {topic} is not of the form /waku/2/rs/<cluster>/<shard>',
    wire: 421,
    http: 400,
  },
  'data/unwritable': {
    when: 'the folder that --data-dir names cannot be made, read or written',
    says: 'data folder {folder} cannot be used ({why}): make it writable for this user, or name another with --data-dir',
    exit: 73,
  },
  'listen/failed': {
    when: 'a port or address that the settings name cannot be listened on',
    says: 'cannot listen for {what} on {address} port {port}: {why}',
    exit: 69,
  },
  'relay/topic-not-allowed': {
    when: 'a pubsub topic is asked for that is no shard of the cluster and network that this node is set up for',
    says: 'pubsub topic {topic} is no shard of this network: set --cluster-id, --num-shards-in-network and --shard to include it',
    wire: 421,
    http: 400,
  },
  'store/bad-query': {
    when: 'a store query asks for what cannot be answered: no request id, start after end, a hash or cursor that is none, too many criteria',
    says: 'bad query: {why}',
    wire: 400,
    http: 400,
  },
  'archive/unknown-cursor': {
    when: 'a query goes on from a message that the archive does not have, nor had within the last hour',
    says: 'cursor {cursor} is not in the archive: start again without a cursor',
    wire: 400,
    http: 400,
  },
  'archive/unavailable': {
    when: 'the archive is closed, or its disk or database failed; a degraded archive comes back by itself',
    says: 'the archive is not available: {why}',
    wire: 503,
    http: 503,
  },
  'archive/full': {
    when: 'messages come faster than the disk takes them, and the queue in front of it is full',
    says: 'the archive has {waiting} messages waiting for the disk and takes no more for now',
    wire: 503,
    http: 503,
  },
  'archive/spool-full': {
    when: 'the database is away, and as much waits for it on the disk of this node as may',
    says: 'the spool is full: {messages} messages of {bytes} bytes wait for the database; --store-spool-size makes room for more',
    wire: 503,
    http: 503,
  },
  'archive/locked': {
    when: 'another process has the archive open',
    says: 'the archive in {folder} is in use by another process: stop that one, or choose another --data-dir',
    exit: 75,
  },
  'archive/unwritable': {
    when: 'the folder of the archive cannot be made, read or written',
    says: 'cannot use {folder} for the archive: {why}; check its owner, its permissions and the space on its disk',
    exit: 73,
  },
  'archive/damaged': {
    when: 'the files of the archive are not a whole database any more',
    says: 'the archive in {folder} is damaged: {why}; waypost store repair --data-dir=<that of the node> brings it in order',
    exit: 74,
  },
  'archive/newer-schema': {
    when: 'the archive was written by a later release, in a form that this one does not know',
    says: 'the archive in {folder} has schema {found}, this release knows {known}: run the release that wrote it, or a later one',
    exit: 78,
  },
  'archive/bad-database-url': {
    when: 'the URL of a PostgreSQL asks for TLS in words that are unknown or contradict each other, or names files that cannot be used',
    says: 'the URL of the database cannot be used: {why}',
    exit: 78,
  },
  'archive/bad-sqlite': {
    when: 'a file that is to be imported is no SQLite archive of nwaku, of schema 3 to 10, or is damaged',
    says: '{file} cannot be read as an archive of nwaku: {why}',
    exit: 65,
  },
  'export/damaged': {
    when: 'an export of messages is cut off, changed, or none; what stands before that place is good',
    says: 'the export is damaged at chunk {chunk}, byte {byte}: {why}',
    http: 400,
    exit: 65,
  },
  'export/newer': {
    when: 'an export of messages was written by a later release, in a form that this one does not know',
    says: 'the export has format {found}, this release knows {known}: use the release that wrote it, or a later one',
    http: 400,
    exit: 78,
  },
  'identity/bad-key': {
    when: 'the node key, from its file or from a setting, is not a secp256k1 private key of 64 hexadecimal digits',
    says: 'node key of {origin} is not usable: {why}; restore it from a backup, or remove it to get a new identity',
    exit: 78,
  },
  'identity/open-to-others': {
    when: 'users other than the owner may read or write the file of the node key',
    says: 'key file {file} is open to other users (mode {mode}); run: chmod 600 {file}',
    exit: 77,
  },
  'identity/not-a-file': {
    when: 'the path of the node key is a symbolic link, a folder or a device',
    says: 'key file {file} is {kind}; put the file itself there, or name another one',
    exit: 78,
  },
  'identity/unreadable': {
    when: 'the file of the node key exists but cannot be read',
    says: 'key file {file} cannot be read: {why}',
    exit: 77,
  },
  'identity/unwritable': {
    when: 'a new node key cannot be written to the data folder',
    says: 'key file {file} cannot be written: {why}',
    exit: 73,
  },
  'enr/malformed': {
    when: 'a node record does not parse, or is not signed by the key in it',
    says: 'not a node record: {why}',
    exit: 65,
  },
  'enr/too-large': {
    when: 'our own node record is above the 300 bytes that EIP-778 allows: too many shards',
    says: 'node record of {length} bytes is above the limit of 300',
    exit: 78,
  },
  'net/bad-network': {
    when: 'a network in CIDR form, as for trusted proxies, does not parse',
    says: '{network} is not an IP network such as 10.0.0.0/8, fd00::/8 or 192.0.2.7',
    exit: 78,
  },
  'net/address-in-use': {
    when: 'another process listens on an address that this node is to listen on',
    says: 'address {address} is in use; stop the other process, or choose another port (0 takes a free one)',
    exit: 69,
  },
  'net/cannot-listen': {
    when: 'the system refuses to listen on an address: it is not of this machine, or the port needs rights',
    says: 'cannot listen on {address}: {why}',
    exit: 69,
  },
  'net/private-address': {
    when: 'a peer tells of an address, or of a name, that leads into a private network, and this node is on the public one',
    says: 'no stranger sends us to {host}: {why}',
  },
  'net/bad-certificate': {
    when: 'the certificate or the private key for secure WebSocket cannot be read, or they do not belong together',
    says: 'certificate for secure WebSocket is not usable: {file}: {why}',
    exit: 78,
  },
  'net/no-webrtc': {
    when: 'WebRTC is asked for, and the optional packages for it are not installed, or do not load on this platform',
    says: 'there is no WebRTC in this installation: {why}; install the optional packages too, or leave out --webrtc-direct',
    exit: 69,
  },
  'acme/failed': {
    when: 'a certificate authority or the service of AutoTLS refuses a step of an order, or is not there, or the port of its proof cannot be had; it is asked again later',
    says: 'no certificate: {step}: {why}',
  },
  'nat/gateway': {
    when: 'a router does not do what it is asked for when a port is to be mapped, or does not answer in time; it is asked again later',
    says: 'the router at {gateway} did not do {action}: {why}',
  },
  'push/unreachable': {
    when: 'a subscriber has no open connection, or takes no stream for what is pushed to it',
    says: 'cannot push: {why}',
  },
  'sync/no-session': {
    when: 'a peer sends messages of store sync without having reconciled with us just before, or more than a session may',
    says: 'no session of store sync with {peer}',
  },
  'filter/criteria-missing': {
    when: 'a filter request names no pubsub topic or no content topic, or an empty one',
    says: 'pubsubTopic and contentTopics must be specified',
    wire: 400,
    http: 400,
  },
  'filter/too-many-content-topics': {
    when: 'a filter request names more content topics than one request may',
    says: 'exceeds maximum content topics: {limit}',
    wire: 400,
    http: 400,
  },
  'filter/no-subscription': {
    when: 'a peer without a subscription pings or unsubscribes, or unsubscribes from what it is not subscribed to',
    says: 'peer has no subscriptions',
    wire: 404,
    http: 404,
  },
  'filter/too-many-subscribers': {
    when: 'a peer subscribes while the node serves as many filter subscribers as its settings allow',
    says: 'node has reached maximum number of subscriptions: {limit}',
    wire: 503,
    http: 503,
  },
  'filter/too-many-criteria': {
    when: 'a subscription would hold more criteria, or longer ones, than the settings allow one peer',
    says: 'peer has reached maximum number of filter criteria',
    wire: 503,
    http: 503,
  },
  'filter/not-subscribed': {
    when: 'a peer pushes messages to us with which we have no subscription',
    says: 'push from {peer}, with which there is no subscription',
  },
  'client/refused': {
    when: 'a service node answers our request with a status other than success',
    says: '{protocol} answered {status}: {reason}',
  },
  'client/bad-answer': {
    when: 'a service node answers with something that its protocol does not allow',
    says: '{protocol} answer is not valid: {why}',
  },
  'backup/damaged': {
    when: 'a backup is not what its signed manifest says: a file is missing, changed or of another backup, or the signature does not fit',
    says: 'the backup is damaged: {name}: {why}',
    exit: 65,
  },
  'backup/newer': {
    when: 'a backup was made by a later release, in a form that this one does not know',
    says: 'the backup has format {found}, this release knows {known}: use the release that made it, or a later one',
    exit: 78,
  },
  'backup/other-node': {
    when: 'a backup is of another node than the one that was named',
    says: 'the backup is of {found}, not of {wanted}',
    exit: 65,
  },
  'backup/cannot-open': {
    when: 'a sealed file of a backup does not open: the password is another one, or the file was changed',
    says: '{name} of the backup cannot be opened: {why}',
    exit: 77,
  },
  'backup/open-password-file': {
    when: 'users other than the owner may read the file with the password of a backup, or of messages',
    says: 'password file {file} is open to other users; run: chmod 600 {file}',
    exit: 77,
  },
  'cli/exists': {
    when: 'a command is to write a file or folder that is there already; none is ever overwritten',
    says: '{path} is there already and is left as it is: {what}',
    exit: 73,
  },
  'cli/cannot-write': {
    when: 'a file or folder that a command is to write cannot be written',
    says: '{path} cannot be written: {why}',
    exit: 73,
  },
  'cli/no-such-file': {
    when: 'a file or folder that a command is to read is not there or cannot be read',
    says: '{path} cannot be read: {why}',
    exit: 66,
  },
  'cli/no-key': {
    when: 'a command needs the node key, and the data folder has none',
    says: 'there is no key {file}: waypost init makes one, waypost keys import puts an old one there; or name the folder with --data-dir',
    exit: 66,
  },
  'cli/no-identity': {
    when: 'a command for messages needs an identity, and the folder has none',
    says: 'there is no identity in {folder}: waypost message identity create makes one; or name the folder with --folder',
    exit: 66,
  },
  'cli/bad-usage': {
    when: 'the arguments of a command do not fit each other',
    says: '{why}',
    exit: 64,
  },
  'cli/bad-zone': {
    when: 'a file with the TXT records of a tree is neither a zone file nor JSON from name to text',
    says: 'the file with TXT records cannot be read: {why}',
    exit: 65,
  },
  'cli/node-unreachable': {
    when: 'no node answers where a command looks for its REST API',
    says: 'no node answers at {url} ({why}): start it with waypost run, or say where it is with --rest-url or --config-file',
    exit: 69,
  },
  'cli/other-node': {
    when: 'a command is about a data folder, and the node that answers where its settings lead is another one',
    says: 'the node at {url} is {found}, the data folder {folder} is of {own}: name the one that is meant with --rest-url, or take --offline for the folder',
    exit: 64,
  },
  'cli/token-needed': {
    when: 'the REST API of a node wants a token that the command has not',
    says: 'the node at {url} wants a token: name the file that holds it with --rest-token-file (rest.token in its data folder)',
    exit: 77,
  },
  'cli/node-refused': {
    when: 'the REST API of a node does not do what a command asks for',
    says: 'the node at {url} answered {status}: {reason}',
    exit: 1,
  },
  'cli/peer-unreachable': {
    when: 'a command is to ask a node by its multiaddr, and no connection to it can be opened',
    says: 'no Waku node answers at {address}: {why}',
    exit: 69,
  },
  'rest/bad-body': {
    when: 'the body of a REST request is not JSON, or not of the shape that its path demands: a field missing, unknown, repeated or of the wrong type',
    says: 'Invalid content body, could not decode: Unable to deserialize data: {why}',
    http: 400,
  },
  'rest/bad-base64': {
    when: 'a field of a REST request is not base64 of the standard alphabet with padding; base64url is refused, as in nwaku',
    says: 'Incorrect base64 string',
    http: 400,
  },
  'rest/missing-body': {
    when: 'a REST request that needs a body has none',
    says: 'Missing content body',
    http: 400,
  },
  'rest/bad-content-type': {
    when: 'the body of a REST request is of another media type than JSON',
    says: 'Wrong Content-Type, expected {expected}',
    http: 400,
  },
  'rest/no-content-type': {
    when: 'a REST request has a body and does not say of which media type',
    says: 'Invalid content type',
    http: 400,
  },
  'rest/bad-parameter': {
    when: 'a parameter in the path or query of a REST request cannot be read',
    says: '{why}',
    http: 400,
  },
  'rest/bad-token-file': {
    when: 'the file with the token of the REST API cannot be read or made, or others may read it',
    says: 'token file {file} cannot be used: {why}',
    exit: 78,
  },
  'client/no-peer': {
    when: 'a service is asked of another node, and no node that has it is named in the settings or connected',
    says: 'No suitable service peer & no discovery method',
    http: 503,
  },
  'client/unreachable': {
    when: 'a service node cannot be dialled, or does not speak the protocol of the service',
    says: 'peer {peer} cannot be reached: {why}',
    http: 504,
  },
  'client/bad-address': {
    when: 'an application names a node to connect to by what is no multiaddr that ends in the id of a peer',
    says: 'node {address} cannot be named so: {why}',
    exit: 64,
  },
  'settings/invalid': {
    when: 'settings are unknown, do not have the form that their kind demands, or contradict each other',
    says: 'settings are not valid:{problems}',
    exit: 78,
  },
  'dns-tree/malformed': {
    when: 'an entry of a tree of node records in DNS is not of the form of EIP-1459',
    says: 'malformed {what} of a tree of node records: {why}',
    exit: 65,
  },
  'dns-tree/forged': {
    when: 'the root of a tree of node records in DNS is not signed by the key in the URL of the tree',
    says: 'the tree of node records at {domain} is not signed by the key in its URL: the URL is wrong, or its answers are forged',
    exit: 65,
  },
  'dns-tree/rolled-back': {
    when: 'the root of a tree of node records in DNS is older than one that was seen before',
    says: 'the tree of node records at {domain} went back from sequence number {known} to {sequence}: a stale or false answer; who publishes it must go on above {known}',
    exit: 65,
  },
  'dns-tree/look-up-failed': {
    when: 'no name server answers for an entry of a tree of node records, or the answer has no such entry',
    says: 'no TXT record for {name}: {why}',
    exit: 69,
  },
  'dns-tree/wrong-hash': {
    when: 'an entry of a tree of node records in DNS does not have the hash by which it is named',
    says: 'the entry at {name} is not the one that the tree names',
    exit: 65,
  },
  'dns-tree/too-large': {
    when: 'a tree of node records in DNS is above a bound; what is above it is not read',
    says: 'the tree of node records at {domain} is above {limit}; the rest is left out',
  },
  'key/invalid': {
    when: 'bytes that are to be a key of a user are not one: of another length, or no point of the curve; the bytes are not in the text',
    says: 'not a key: {why}',
    exit: 65,
  },
  'mnemonic/invalid': {
    when: 'words that are to be those of an account are not: too few, not in the list, or the checksum does not match; no word is in the text',
    says: 'not the words of an account: {why}',
    exit: 65,
  },
  'key-file/unreadable': {
    when: 'the file with an account is there and cannot be read, is open to others, or is no such file by its kind or length',
    says: 'account file {file} cannot be read: {why}',
    exit: 66,
  },
  'key-file/unwritable': {
    when: 'the file with an account cannot be written',
    says: 'account file {file} cannot be written: {why}',
    exit: 73,
  },
  'key-file/exists': {
    when: 'an account is to be written where one is already, and was not to be replaced',
    says: 'there is an account in {file} already: name another file',
    exit: 73,
  },
  'key-file/malformed': {
    when: 'the file with an account is damaged, of another kind or a later release, or asks for more memory or time than a sound one does',
    says: 'the account file cannot be used: {why}',
    exit: 65,
  },
  'key-file/wrong-password': {
    when: 'the password is not the one by which the file with an account was encrypted',
    says: 'the password is wrong: the account file is whole, and this password does not open it',
    exit: 77,
  },
  'payload/too-large': {
    when: 'more data is to be encrypted into one message than its format can say',
    says: 'payload of {length} bytes is above the limit of {limit}',
    wire: 413,
    http: 413,
  },
  'storage/wrong-key': {
    when: 'a database of messages is opened by another key than the one that it was made with; nothing in it is changed',
    says: 'this key does not open the database in {folder}: open it with the key that it was made with, or name another folder',
    exit: 77,
  },
  'storage/damaged': {
    when: 'files of a database of messages, or its ring of keys, are missing or damaged',
    says: 'the database in {folder} is damaged ({why}): move the folder away and begin with an empty one; an older copy of it would use keys twice',
    exit: 65,
  },
  'storage/in-use': {
    when: 'a database of messages is opened while this process or another one has it open',
    says: 'the database in {folder} is in use: close it there, or name another folder',
    exit: 75,
  },
  'storage/unusable': {
    when: 'the folder of a database of messages cannot be made, read or written; its disk may be full',
    says: 'the database in {folder} cannot be used: {why}',
    exit: 74,
  },
  'storage/closed': {
    when: 'a database of messages is asked for something after it was closed',
    says: 'the database in {folder} is closed',
  },
  'session/unreadable': {
    when: 'what the messaging library stored (a session, prekeys, a person, a chat, a message) is damaged, or of a later release',
    says: 'what was stored cannot be read: {why}',
    exit: 65,
  },
  'rekey/unreadable': {
    when: 'a new group key is to be sealed for more members, or more of one index, than receivers take from one message',
    says: 'nobody would read a rekey for {count} members: at most {limit}, and {colliding} under one index',
  },
  'bundle/too-many-devices': {
    when: 'a bundle of prekeys is to be signed for more devices than others write to',
    says: '{count} devices are too many for one person: others write to {limit}',
    exit: 65,
  },
  'internal/bug': {
    when: 'something happened that the code holds for impossible: a fault of ours',
    says: 'internal error: {why}',
    wire: 500,
    http: 500,
    exit: 70,
  },
} as const satisfies Record<string, ErrorRow>

type Table = typeof table

/** The code of an error: the name of its row. */
export type ErrorCode = keyof Table

type Fields<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | Fields<Rest> : never

/** The fields that an error of this code carries: those that its text names. */
export type ErrorData<Code extends ErrorCode> = Record<Fields<Table[Code]['says']>, string | number | bigint>

/** The table itself, for the reference page and for the servers that translate codes to statuses. */
export const errorTable: Readonly<Record<ErrorCode, ErrorRow>> = table

/** An error with a code from the table, and the data that its text names. */
export class WaypostError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'WaypostError'
  readonly code: Code
  readonly data: ErrorData<Code>

  constructor(code: Code, data: ErrorData<Code>, options?: ErrorOptions) {
    super(fill(table[code].says, data), options)
    this.code = code
    this.data = data
  }
}

/** True for an error of ours; with `code`, for that one only. */
export function isWaypostError<Code extends ErrorCode>(error: unknown, code?: Code): error is WaypostError<Code> {
  return error instanceof WaypostError && (code === undefined || error.code === code)
}

/** The status that a peer is told of `error`: its row's, or 500 where the row has none. */
export function wireStatus(error: WaypostError): number {
  return errorTable[error.code].wire ?? table['internal/bug'].wire
}

/** One line for a person, of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The code of a system error, such as `EACCES`; the message of any other. */
export function systemCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : messageOf(error)
}

function fill(text: string, data: Readonly<Record<string, string | number | bigint>>): string {
  return text.replace(/\{(\w+)\}/g, (_, field: string) => String(data[field]))
}
