import { engineContract } from '../support/engine-contract.ts'
import { nativeHarness } from '../support/harness-native.ts'

engineContract('native engine', nativeHarness)
