import type { RenditionDesk } from '../../../src/rendition/rendition-desk.ts'

/** Remembers what it was told to forget; the admin API asks nothing else of a desk. */
export class FakeRenditions implements RenditionDesk {
  readonly forgotten: string[] = []

  find(): never {
    throw new Error('the admin API reads the catalogue')
  }

  order(): never {
    throw new Error('the admin API orders nothing')
  }

  release(): never {
    throw new Error('the admin API orders nothing')
  }

  async forget(assetId: string): Promise<void> {
    this.forgotten.push(assetId)
  }
}
