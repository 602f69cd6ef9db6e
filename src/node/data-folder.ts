/** The data folder: node key, archive and peers, one folder a node. */
import { access, constants, mkdir } from 'node:fs/promises'
import path from 'node:path'
import { messageOf, WaypostError } from '../core/errors.ts'
import type { CertificateFiles } from '../net/certificate.ts'

export interface DataFolder {
  readonly path: string
  readonly keyFile: string
  readonly archive: string
  readonly restTokenFile: string
  /** Our node record, and the peers that are kept over a restart. */
  readonly recordFile: string
  readonly peersFile: string
  /** The trees of node records in DNS, as they were read last. */
  readonly treesFile: string
  /** The key and the certificate whose hash stands in addresses of WebRTC. */
  readonly webRtc: CertificateFiles
}

/** Makes the folder, for its owner only, unless it is there. Throws `data/unwritable`. */
export async function openDataFolder(folder: string): Promise<DataFolder> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new WaypostError('data/unwritable', { folder, why: messageOf(error) }, { cause: error })
  }
  return dataFolderAt(folder)
}

/** What lies where in a data folder, which may not be there. */
export function dataFolderAt(folder: string): DataFolder {
  return {
    path: folder,
    keyFile: path.join(folder, 'node.key'),
    archive: path.join(folder, 'archive'),
    restTokenFile: path.join(folder, 'rest.token'),
    recordFile: path.join(folder, 'node.enr'),
    peersFile: path.join(folder, 'peers.jsonl'),
    treesFile: path.join(folder, 'dns-trees.json'),
    webRtc: {
      keyFile: path.join(folder, 'webrtc', 'key.pem'),
      certificateFile: path.join(folder, 'webrtc', 'certificate.pem'),
    },
  }
}
