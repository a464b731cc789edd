import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A diagnostic of the compiler's, with the place it is about. */
export type TypeProblem = {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly message: string
}

export type TypeCheck = {
  readonly errors: readonly TypeProblem[]
  /** Why types were not looked at; '' if they were. */
  readonly warning: string
}

const COMPILER_MS = 60_000
const MAX_OUTPUT = 1024 * 1024
const MAX_ERRORS = 20

/** Where the interface is written that a policy is compared with. */
const API = fileURLToPath(new URL('../balance/api.ts', import.meta.url))

/**
 * Compare a module's types with the exported `Policy` interface, by the TypeScript compiler where it is installed. `weir` in the module's imports means
 * this program's interface, wherever the module lies. Never rejects.
 */
export async function checkTypes(path: string): Promise<TypeCheck> {
  if (!/\.m?ts$/.test(path)) return { errors: [], warning: '' } // JavaScript has none
  const compiler = findCompiler()
  if (compiler === undefined)
    return {
      errors: [],
      warning: 'its types are not checked: the typescript package is not installed (npm install typescript)',
    }
  const folder = await mkdtemp(join(tmpdir(), 'weir-policy-'))
  try {
    await writeProject(folder, resolve(path))
    const { output, failed } = await runCompiler(compiler, folder)
    const errors = parseOutput(output, folder, path)
    if (errors.length > 0 || !failed) return { errors, warning: '' }
    return { errors, warning: `its types are not checked: the compiler failed: ${firstLine(output)}` }
  } catch (thrown) {
    return { errors: [], warning: `its types are not checked: ${firstLine(String(thrown))}` }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function findCompiler(): string | undefined {
  try {
    const manifest = fileURLToPath(import.meta.resolve('typescript/package.json'))
    return join(dirname(manifest), 'bin', 'tsc')
  } catch {
    return undefined
  }
}

const OPTIONS = {
  target: 'esnext',
  lib: ['esnext'],
  // Every file is a module, whatever package.json lies above it: so Node takes them.
  module: 'esnext',
  moduleResolution: 'bundler',
  moduleDetection: 'force',
  types: [],
  noEmit: true,
  strict: true,
  // What Node strips is all it can strip.
  erasableSyntaxOnly: true,
  verbatimModuleSyntax: true,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
} as const

/** A module that assigns the policy to its interface, beside a configuration of the compiler's. */
async function writeProject(folder: string, path: string): Promise<void> {
  const subject = JSON.stringify(path)
  const check = `import type { Policy, PolicyOptions } from 'weir'
import * as subject from ${subject}
export const make: (options: PolicyOptions) => Policy = subject.policy
`
  const config = {
    compilerOptions: { ...OPTIONS, paths: { weir: [API] } },
    files: [path, join(folder, 'check.ts')],
  }
  await writeFile(join(folder, 'check.ts'), check)
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
}

function runCompiler(
  compiler: string,
  folder: string,
): Promise<{ readonly output: string; readonly failed: boolean }> {
  const args = [compiler, '--project', folder, '--pretty', 'false']
  const limits = { timeout: COMPILER_MS, maxBuffer: MAX_OUTPUT }
  return new Promise((done) => {
    execFile(process.execPath, args, limits, (error, stdout, stderr) =>
      done({ output: stdout === '' ? stderr : stdout, failed: error !== null }),
    )
  })
}

/** `file(line,column): error TS2322: message`, details indented below. What is said of our own module is said of the policy's beginning. */
function parseOutput(output: string, folder: string, path: string): readonly TypeProblem[] {
  const problems: TypeProblem[] = []
  for (const line of output.split('\n')) {
    const [, file, row, column, text] = /^(.+)\((\d+),(\d+)\): error (TS\d+: .*)$/.exec(line) ?? []
    if (file === undefined || text === undefined) {
      const last = problems.at(-1)
      // The innermost reason, which is the one to act upon, comes last.
      if (last !== undefined && /^\s+\S/.test(line))
        problems[problems.length - 1] = detailed(last, line.trim())
      continue
    }
    const ours = resolve(file).startsWith(folder)
    const place = ours ? { line: 1, column: 1 } : { line: Number(row), column: Number(column) }
    const shown = ours || resolve(file) === resolve(path) ? path : relative('.', file)
    problems.push({ file: shown, ...place, message: text })
  }
  return problems.slice(0, MAX_ERRORS)
}

function detailed(problem: TypeProblem, detail: string): TypeProblem {
  const [message = ''] = problem.message.split(' → ')
  return { ...problem, message: `${message} → ${detail}` }
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0]!.slice(0, 300)
}
