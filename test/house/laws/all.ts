import type { Law } from '../project.ts'
import { ciLaw, commandsLaw, foldersLaw, pagesLaw, pathsLaw, scriptsLaw } from './docs.ts'
import { cycleLaw, folderLaw, layerLaw, topLevelLaw } from './layers.ts'
import { determinismLaw, purityLaw } from './purity.ts'
import {
  anyLaw,
  barrelLaw,
  defaultExportLaw,
  fileLengthLaw,
  functionLengthLaw,
  parameterLaw,
} from './shape.ts'
import { addonLaw, focusLaw, leftoverLaw, machineLaw, suppressionLaw, urlLaw } from './text.ts'

/** The laws of the house. Each is proven able to fail in `test/house/laws.test.ts`. */
export const ALL_LAWS: readonly Law[] = [
  layerLaw,
  folderLaw,
  topLevelLaw,
  cycleLaw,
  determinismLaw,
  purityLaw,
  fileLengthLaw,
  functionLengthLaw,
  parameterLaw,
  anyLaw,
  defaultExportLaw,
  barrelLaw,
  leftoverLaw,
  focusLaw,
  machineLaw,
  suppressionLaw,
  urlLaw,
  addonLaw,
  pagesLaw,
  pathsLaw,
  foldersLaw,
  commandsLaw,
  scriptsLaw,
  ciLaw,
]
