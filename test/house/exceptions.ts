/** Where a law does not hold, and why that is right. One that is no longer needed fails the house test. */
export type Exception = { readonly law: string; readonly path: string; readonly because: string }

export const EXCEPTIONS: readonly Exception[] = [
  {
    law: 'only native/index.ts loads the addon',
    path: 'src/io/vitals.ts',
    because:
      'the addon of @datadog/native-metrics, which is CommonJS without types and shows its functions to nobody who imports it',
  },
  {
    law: 'base…filter and lab know no promise',
    path: 'src/actor/rpc.ts',
    because: 'typed RPC answers later by nature; the supervisor beside it stays a pure state machine',
  },
  {
    law: 'no barrels',
    path: 'src/balance/api.ts',
    because:
      "the package's one face for those who write policies: they import it by our name, not by our paths",
  },
  {
    law: 'no default exports',
    path: 'test/support/runner/reporter.ts',
    because: "node's --test-reporter takes the default export",
  },
  {
    law: 'at most 4 parameters',
    path: 'src/base/bytes.ts',
    because:
      'a copy names two places and a span; an object for the span would be allocated per call on the hot path',
  },
  {
    law: 'at most 4 parameters',
    path: 'src/balance/cost.ts',
    because:
      'a failure is two measures and a cost is one only with its time: an object for either would be allocated per failure on the hot path',
  },
]
