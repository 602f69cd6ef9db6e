/** Who may use the API, by token and by origin; both can change while the server runs. */
import type { IncomingHttpHeaders } from 'node:http'
import { AccessControl, type AccessOptions, type Caller } from './access.ts'
import type { BodyAnswer } from './answer.ts'
import { type Judged, originJudge } from './cors.ts'
import type { Access } from './route.ts'

export interface AdmissionOptions {
  readonly access: AccessOptions
  /** Patterns of origins whose pages may use the API: `--rest-allow-origin`. */
  readonly origins: readonly string[]
}

export class Admission {
  #control: AccessControl
  #judge: ReturnType<typeof originJudge>

  constructor({ access, origins }: AdmissionOptions) {
    this.#control = new AccessControl(access)
    this.#judge = originJudge(origins)
  }

  /** Holds for requests that come from now on; streams that are open stay. */
  change({ access, origins }: AdmissionOptions): void {
    this.#control = new AccessControl(access)
    this.#judge = originJudge(origins)
  }

  judgeOrigin(headers: IncomingHttpHeaders): Judged {
    return this.#judge(headers)
  }

  /** Undefined when the caller may ask, else what it is told. */
  refuse(access: Access, caller: Caller): BodyAnswer | undefined {
    return this.#control.refuse(access, caller)
  }
}
