/**
 * Field classes, named as the CTF 2 specification names them (CTF2-SPEC-2.0 §5.3). All are plain
 * immutable data, so that a class can travel as JSON between processes. Lengths and alignments are in
 * bits where the name says nothing else.
 */

export type ByteOrder = 'little-endian' | 'big-endian'
export type DisplayBase = 2 | 8 | 10 | 16

/** Label → inclusive ranges. Bounds are decimal text, since 64-bit bounds do not fit a JSON number. */
export type Mappings = Readonly<Record<string, readonly (readonly [lower: string, upper: string])[]>>

interface FixedLengthBits {
  /** 1 to 64 bits (floating point: 32 or 64). */
  readonly length: number
  readonly byteOrder: ByteOrder
  /** A power of two; 8 for everything a Kymograph ring holds, 1 for bit-packed integers. */
  readonly alignment: number
}

export interface UnsignedIntegerClass extends FixedLengthBits {
  readonly type: 'fixed-length-unsigned-integer'
  readonly preferredDisplayBase?: DisplayBase
  readonly mappings?: Mappings
  readonly roles?: readonly string[]
}

export interface SignedIntegerClass extends FixedLengthBits {
  readonly type: 'fixed-length-signed-integer'
  readonly preferredDisplayBase?: DisplayBase
  readonly mappings?: Mappings
}

export interface BooleanClass extends FixedLengthBits {
  readonly type: 'fixed-length-boolean'
}

export interface FloatingPointClass extends FixedLengthBits {
  readonly type: 'fixed-length-floating-point-number'
}

export interface NullTerminatedStringClass {
  readonly type: 'null-terminated-string'
}

export interface StaticLengthStringClass {
  readonly type: 'static-length-string'
  /** In bytes. */
  readonly length: number
}

export interface StaticLengthBlobClass {
  readonly type: 'static-length-blob'
  /** In bytes. */
  readonly length: number
  readonly roles?: readonly string[]
}

export interface MemberClass {
  readonly name: string
  readonly fieldClass: FieldClass
}

export interface StructureClass {
  readonly type: 'structure'
  readonly memberClasses: readonly MemberClass[]
  readonly minimumAlignment?: number
}

export interface StaticLengthArrayClass {
  readonly type: 'static-length-array'
  readonly elementFieldClass: FieldClass
  /** In elements. */
  readonly length: number
}

/** The length stands in a 32-bit unsigned integer directly before the elements. */
export interface DynamicLengthArrayClass {
  readonly type: 'dynamic-length-array'
  readonly elementFieldClass: FieldClass
  /** Name of the sibling member that holds the length. */
  readonly lengthMember: string
}

export interface VariantOption {
  readonly name: string
  readonly fieldClass: FieldClass
  readonly selectorRanges: readonly (readonly [lower: number, upper: number])[]
}

export interface VariantClass {
  readonly type: 'variant'
  /** Name of the sibling member that selects the option. */
  readonly selectorMember: string
  readonly options: readonly VariantOption[]
}

export type IntegerClass = UnsignedIntegerClass | SignedIntegerClass

export type FieldClass =
  | IntegerClass
  | BooleanClass
  | FloatingPointClass
  | NullTerminatedStringClass
  | StaticLengthStringClass
  | StaticLengthBlobClass
  | StructureClass
  | StaticLengthArrayClass
  | DynamicLengthArrayClass
  | VariantClass
