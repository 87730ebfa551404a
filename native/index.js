'use strict'

module.exports = require('./build/Release/kernel_copy.node')
