/** The reference of the REST API as others read it: from docs/openapi.yaml, by a JSON Schema validator that is not ours. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { parse } from 'yaml'
import type { Told } from './rest.ts'

const file = path.resolve(import.meta.dirname, '../../../docs/openapi.yaml')

/** JSON Schema, as far as the document uses it. */
export interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly enum?: readonly string[]
  readonly minLength?: number
  readonly minimum?: number
  readonly minItems?: number
  readonly format?: string
  readonly contentEncoding?: string
  readonly items?: JsonSchema
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | JsonSchema
}

type Content = Readonly<Record<string, { readonly schema?: JsonSchema }>>

export interface Operation {
  readonly operationId: string
  readonly parameters?: readonly { readonly name: string; readonly in: 'path' | 'query'; readonly schema: JsonSchema }[]
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly content?: Content } | { readonly $ref: string }>>
}

interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly responses: Readonly<Record<string, { readonly content?: Content }>> }
}

export function readDocument(): Document {
  return parse(readFileSync(file, 'utf8'))
}

/** An operation, where it stands. */
export interface Located {
  readonly method: string
  readonly path: string
  readonly operation: Operation
}

export function operationsOf({ paths }: Document): readonly Located[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  )
}

/** Judges answers by a document. */
export class AnswerJudge {
  readonly #document: Document
  /** Sizes of integers and encodings are notes for readers here. */
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: false })
  readonly #validators = new Map<JsonSchema, ValidateFunction>()

  constructor(document: Document) {
    this.#document = document
  }

  /** What is wrong with an answer to `operation`; undefined when the document declares it. */
  complaint({ responses }: Operation, { status, type, text }: Told): string | undefined {
    const response = responses[status]
    if (response === undefined) return `status ${status} is not declared: ${text.slice(0, 200)}`
    const { content = {} } = '$ref' in response ? this.#referred(response.$ref) : response
    const media = Object.keys(content).find((name) => type?.startsWith(name))
    if (media === undefined) return `status ${status} as ${type} is not declared: ${text.slice(0, 200)}`
    const schema = content[media]?.schema
    return media === 'application/json' && schema !== undefined ? this.#misfit(schema, text) : undefined
  }

  #referred(reference: string): { readonly content?: Content } {
    const name = reference.slice('#/components/responses/'.length)
    const response = this.#document.components.responses[name]
    if (response === undefined) throw new Error(`${reference} leads nowhere`)
    return response
  }

  #misfit(schema: JsonSchema, text: string): string | undefined {
    const validate = this.#validators.get(schema) ?? this.#ajv.compile(schema)
    this.#validators.set(schema, validate)
    return validate(JSON.parse(text)) ? undefined : `${this.#ajv.errorsText(validate.errors)}: ${text.slice(0, 200)}`
  }
}
