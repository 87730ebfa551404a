/** The formats that renditions have: what a container is called, and its media type. */
export const FORMATS = {
  mp4: { mediaType: 'video/mp4', extensions: ['mp4', 'm4v'] },
  webm: { mediaType: 'video/webm', extensions: ['webm'] },
  mov: { mediaType: 'video/quicktime', extensions: ['mov', 'qt'] },
  flv: { mediaType: 'video/x-flv', extensions: ['flv'] },
  m4a: { mediaType: 'audio/mp4', extensions: ['m4a'] },
} as const satisfies Record<string, { mediaType: string; extensions: readonly string[] }>

export type Format = keyof typeof FORMATS

export const FORMAT_NAMES = Object.keys(FORMATS) as [Format, ...Format[]]

export function isFormat(name: string): name is Format {
  return Object.hasOwn(FORMATS, name)
}

/** The format that an object's name ends in; undefined for what is no such container. */
export function formatOf(object: string): Format | undefined {
  const extension = /\.([^./]+)$/.exec(object)?.[1]?.toLowerCase()
  return FORMAT_NAMES.find((name) =>
    (FORMATS[name].extensions as readonly string[]).includes(extension ?? ''),
  )
}
