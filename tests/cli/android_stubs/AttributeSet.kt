package android.util

interface AttributeSet
