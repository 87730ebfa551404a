import { expect, test } from 'vitest'
import { prefersXml } from '../../../../src/dialect/xvid/accept.ts'

test.each([
  'application/xml',
  'Application/XML',
  'application/xml; charset=utf-8',
  'application/json;q=0.5, application/xml',
  'application/xml;q=0.2',
  'application/json;q=0, */*',
  'application/json;q=0.8, application/*;q=0.9',
  'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
])('XML answers %s', (accept) => {
  expect(prefersXml(accept)).toBe(true)
})

test.each([
  undefined,
  '',
  '*/*',
  'application/*',
  'application/json',
  'application/json, application/xml',
  'application/xml, application/json',
  'application/xml;q=0.5, application/json;q=0.6',
  'application/xml;q=0, application/json;q=0.001',
  '*/*, application/xml;q=0.9',
  'application/xml;q=0',
  'application/xml;q=2',
  'application/xml;q=x',
  'text/xml, text/html',
  'application/xmlx',
])('JSON answers %s', (accept) => {
  expect(prefersXml(accept)).toBe(false)
})
